"""The HTTPS front of one cluster: who asks, what for, and the answer in the server's own shapes."""

import asyncio
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from sandbox.faults import Dropped, Faults, Refused
from sandbox.kube import auth, discovery, verbs
from sandbox.kube.auth import Attributes, User
from sandbox.kube.pki import Authority
from sandbox.kube.reading import accepted
from sandbox.kube.schema import Resource, Schema, openapi
from sandbox.kube.status import ApiError, no_such_path
from sandbox.kube.verbs import Call, Verbs
from sandbox.network import KUBE_PORT

Document = dict[str, Any]
RESOURCE_PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/(?!status$|finalize$)))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?/?$"
)
HEALTH = ("/healthz", "/livez", "/readyz")
AUDIT = web.RequestKey("audit", str)
BIGGEST = 3 * 1024 * 1024


@dataclass(frozen=True)
class Target:
    """What a path names."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


class ApiServer:
    def __init__(
        self,
        schema: Schema,
        operations: Verbs,
        authority: Authority,
        faults: Faults,
        address: str,
        git_version: str,
        tokens: Mapping[str, User],
    ) -> None:
        self.schema = schema
        self.operations = operations
        self.authority = authority
        self.faults = faults
        self.address = address
        self.git_version = git_version
        self.tokens = tokens
        self.stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"https://{self.address}:{KUBE_PORT}"

    async def start(self) -> None:
        application = web.Application(client_max_size=BIGGEST)
        application.on_response_prepare.append(_stamp)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        context = self.authority.server_context()
        await web.TCPSite(
            self._runner, self.address, KUBE_PORT, ssl_context=context, reuse_address=True
        ).start()

    async def stop(self) -> None:
        self.stopping.set()
        if self._runner:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        request[AUDIT] = str(uuid.uuid4())
        try:
            return await self._answer(request)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        except Refused as exc:
            return self._error(ApiError(exc.status, exc.code, exc.message))
        except ApiError as exc:
            return self._error(exc)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        path = request.path
        if path in HEALTH or path.startswith(tuple(f"{one}/" for one in HEALTH)):
            return web.Response(text="ok")
        if path.rstrip("/") == "/version":
            return _json(discovery.version(self.git_version))
        if path.startswith("/openapi/"):
            return self._openapi(path)
        if path.startswith(("/api", "/apis")):
            found = self._discover(request, path.rstrip("/"))
            if found is not None:
                return found
        if path.rstrip("/") == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            return await self._review(request, user)
        return await self._resource(request, user, self._target(path))

    def _user(self, request: web.Request) -> User:
        header = request.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            user = self.tokens.get(header.removeprefix("Bearer "))
            if user is None:
                raise auth.unauthorized()
            return user
        transport = request.transport
        peer = transport.get_extra_info("peercert") if transport else None
        user = auth.from_certificate(peer)
        if user is None:
            raise auth.unauthorized()
        return user

    def _discover(self, request: web.Request, path: str) -> web.Response | None:
        aggregated = "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
        if path in ("/api", "/apis") and aggregated:
            body = discovery.aggregated(self.schema, core=path == "/api")
            return _json(body, content_type=discovery.AGGREGATED)
        if path == "/api":
            return _json(discovery.core_versions(f"{self.address}:{KUBE_PORT}"))
        if path == "/apis":
            return _json(discovery.group_list(self.schema))
        steps = path.split("/")[1:]
        if steps == ["api", "v1"]:
            return _json(discovery.resource_list(self.schema, "", "v1") or {})
        if steps[0] == "apis":
            known = {*self.schema.groups(), discovery.REVIEWS}
            if steps[1] not in known:
                raise web.HTTPNotFound(text="404 page not found\n")
            if len(steps) == 2:
                return _json(discovery.group(self.schema, steps[1]))
            if len(steps) == 3:
                body = discovery.resource_list(self.schema, steps[1], steps[2]) or {}
                if not body:
                    raise web.HTTPNotFound(text="404 page not found\n")
                return _json(body)
        return None

    def _openapi(self, path: str) -> web.Response:
        documents = openapi()
        if path.rstrip("/") == "/openapi/v3":
            paths = {key: {"serverRelativeURL": f"/openapi/v3/{key}?hash=1"} for key in documents}
            return _json({"paths": paths})
        key = path.removeprefix("/openapi/v3/")
        if key not in documents:
            raise web.HTTPNotFound(text="404 page not found\n")
        return _json(documents[key])

    async def _review(self, request: web.Request, user: User) -> web.Response:
        if request.method != "POST":
            raise _method_not_allowed()
        body = await _body(request)
        wanted = body.get("spec", {}).get("resourceAttributes", {})
        want = Attributes(
            wanted.get("verb", ""),
            wanted.get("group", ""),
            wanted.get("resource", ""),
            wanted.get("namespace", ""),
            wanted.get("name", ""),
            wanted.get("subresource", ""),
        )
        held = auth.allowed(self.operations.objects, user, want)
        answer = {
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": body.get("spec", {}),
            "status": {"allowed": held},
        }
        return _json(answer, 201)

    def _target(self, path: str) -> Target:
        found = RESOURCE_PATH.match(path)
        if not found:
            raise no_such_path()
        group, version = found["group"] or "", found["version"] or "v1"
        resource = self.schema.find(group, version, found["plural"])
        if resource is None:
            raise no_such_path()
        sub = found["sub"] or ""
        served = (*discovery.SERVED_SUBRESOURCES,)
        if sub and (sub not in resource.subresources or sub not in served):
            raise no_such_path()
        namespace = found["namespace"] or ""
        if namespace and not resource.namespaced:
            raise no_such_path()
        return Target(resource, namespace, found["name"] or "", sub)

    async def _resource(
        self, request: web.Request, user: User, target: Target
    ) -> web.StreamResponse:
        verb = verbs.verb_of(request.method, bool(target.name), request.query)
        resource = target.resource
        if verb == "create" and target.name and not target.subresource:
            raise _method_not_allowed()
        if verb not in ("get", "list", "watch") and resource.namespaced and not target.namespace:
            raise _method_not_allowed()
        permitted = discovery.VERBS.get(target.subresource, resource.verbs)
        if verb not in permitted:
            raise _method_not_allowed()
        want = Attributes(
            verb,
            resource.group,
            resource.name,
            target.namespace,
            target.name,
            target.subresource,
        )
        if not auth.allowed(self.operations.objects, user, want):
            raise auth.forbidden(user, want)
        shape = accepted(request.headers.get("Accept", ""))
        body = None
        if request.method in ("POST", "PUT", "PATCH") or request.can_read_body:
            try:
                body = await _body(request, patch=request.method == "PATCH")
            except verbs.BrokenJson as exc:
                raise verbs.broken_json(resource.kind, exc.text) from exc
        call = Call(
            verb=verb,
            resource=resource,
            namespace=target.namespace,
            name=target.name,
            subresource=target.subresource,
            query=dict(request.query),
            body=body,
            content_type=request.content_type,
            user_agent=request.headers.get("User-Agent", "unknown"),
            shape=shape,
        )
        action = f"{request.method} {resource.name}"
        if target.subresource:
            action += f"/{target.subresource}"
        about = "/".join(part for part in (target.namespace, target.name) if part)
        writes = verb not in ("get", "list", "watch") and not call.query.get("dryRun")
        await self.faults.before("kube", action, about, writes=writes)
        if verb == "watch":
            watch = self.operations.watch(call)
            await self.faults.after("kube", action)
            return await watch.serve(request, self.stopping)
        if target.subresource == "log":
            return await self._log(request, call, action)
        status, answer = self.operations.run(call)
        await self.faults.after("kube", action)
        if verb in ("get", "list"):
            answer = self.faults.seen("kube", action, f"{about}?{request.query_string}", answer)
        headers = {}
        if call.warnings:
            said = [json.dumps(text, ensure_ascii=False) for text in call.warnings]
            headers["Warning"] = ", ".join(f"299 - {text}" for text in said)
        return _json(answer, status, headers=headers)

    async def _log(self, request: web.Request, call: Call, action: str) -> web.StreamResponse:
        lines = self.operations.log_lines(call)
        await self.faults.after("kube", action)
        if call.query.get("follow") != "true":
            return web.Response(text="".join(f"{line}\n" for line in lines))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for line in self.operations.follow_log(call, lines, self.stopping):
                await response.write(line.encode() + b"\n")
        except ConnectionError:
            pass
        return response

    @staticmethod
    def _error(error: ApiError) -> web.Response:
        return _json(error.status(), error.code, headers=error.headers)


async def _stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Each answer names its request, as the audit log would."""
    response.headers["Audit-Id"] = request[AUDIT]
    response.headers["Cache-Control"] = "no-cache, private"


def _json(
    body: Any,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    response = web.Response(body=text.encode(), status=status, headers=headers)
    response.headers["Content-Type"] = content_type
    return response


def _method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


async def _body(request: web.Request, *, patch: bool = False) -> Any:
    """The decoded body; 415 for a media type this server does not read, 400 for broken text."""
    if patch and request.content_type not in verbs.PATCHES:
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    known = (*verbs.PATCHES, "application/json", "application/yaml", "application/octet-stream")
    if request.content_type not in known:
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )
    text = (await request.read()).decode("utf-8", "replace")
    if not text:
        return {}
    if request.content_type in ("application/yaml", "application/apply-patch+yaml"):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            pass
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise ApiError(400, "BadRequest", f"error decoding YAML: {exc}") from exc
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise verbs.BrokenJson(text) from exc
