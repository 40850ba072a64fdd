"""From a parsed request to the registry: one function per verb and subresource."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.kube import deletion, versions
from sandbox.kube.objects import Objects
from sandbox.kube.reading import Reader, Shape
from sandbox.kube.registry import Registry
from sandbox.kube.schema import Resource
from sandbox.kube.selectors import selector_match, selector_text
from sandbox.kube.status import ApiError, bad_request, invalid, no_such_path
from sandbox.kube.watch import Watch
from sandbox.kube.writes import Write

Document = dict[str, Any]
APPLY = "application/apply-patch+yaml"
PATCHES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    APPLY: "apply",
}


class BrokenJson(ApiError):
    """The body is no JSON; the message is completed once the kind is known."""

    def __init__(self, text: str) -> None:
        super().__init__(400, "BadRequest", "")
        self.text = text


class Logs(Protocol):
    """Where the output of containers is kept."""

    def lines(self, pod: Document, container: str) -> list[tuple[str, str]]: ...


@dataclass
class Call:
    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    body: Any
    content_type: str
    user_agent: str
    shape: Shape
    warnings: list[str] = field(default_factory=list)


def verb_of(method: str, named: bool, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        if query.get("watch") in ("true", "1"):
            return "watch"
        return "get" if named else "list"
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    if method == "POST":
        return "create"
    return {"PUT": "update", "PATCH": "patch"}.get(method, "")


class Verbs:
    def __init__(self, registry: Registry, objects: Objects, logs: Logs) -> None:
        self.registry = registry
        self.objects = objects
        self.reader = Reader(registry, objects)
        self.logs = logs

    def run(self, call: Call) -> tuple[int, Document]:
        """(HTTP status, body) of anything but a watch or a log."""
        resource = self._stored(call.resource)
        write = self._write(call)
        status, answer = 200, {}
        if call.subresource in ("scale", "eviction", "binding"):
            status, answer = getattr(self, f"_{call.subresource}")(call, write)
            call.warnings.extend(write.warnings)
            return status, answer
        if call.verb == "list":
            namespace = call.namespace or None
            listed = self.reader.page(resource, namespace, call.shape, call.query)
            return 200, versions.list_out(call.resource, listed, call.shape.form)
        if call.verb == "get":
            answer = self.registry.get(resource, call.namespace, call.name)
            self._subresource_served(call)
        elif call.verb == "create":
            self._subresource_served(call)
            body = versions.inward(call.resource, self._object(call))
            answer = self.registry.create(resource, call.namespace, body, write)
            status = 201
        elif call.verb == "update":
            body = versions.inward(call.resource, self._object(call))
            if call.subresource == "finalize":
                answer = self._finalize(call, body)
            else:
                answer = self.registry.update(resource, call.namespace, call.name, body, write)
        elif call.verb == "patch":
            status, answer = self._patch(call, resource, write)
        elif call.verb == "delete":
            answer = self._delete(call, resource, write)
        else:
            return 200, self._delete_all(call, resource, write)
        call.warnings.extend(write.warnings)
        if answer.get("kind") == "Status":
            return status, answer
        answer = versions.outward(call.resource, answer)
        return status, self.reader.one(call.resource, answer, call.shape, call.query)

    def _stored(self, resource: Resource) -> Resource:
        """The version a resource is kept in."""
        return self.registry.resource(resource.name)

    @staticmethod
    def _subresource_served(call: Call) -> None:
        if call.subresource not in ("", "status"):
            raise no_such_path()

    def _write(self, call: Call) -> Write:
        """The options of a write; 422 for values that do not exist."""
        options = {
            "create": "CreateOptions",
            "update": "UpdateOptions",
            "patch": "PatchOptions",
        }.get(call.verb, "DeleteOptions")
        dry = call.query.get("dryRun", "")
        if not dry and call.verb.startswith("delete") and isinstance(call.body, dict):
            dry = ",".join(call.body.get("dryRun") or [])
        if dry not in ("", "All"):
            said = f'Unsupported value: ["{dry}"]: supported values: "All"'
            raise _option(options, "FieldValueNotSupported", said, "dryRun")
        validation = call.query.get("fieldValidation", "")
        if validation not in ("", "Ignore", "Strict", "Warn"):
            said = (
                f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", '
                '"Warn"'
            )
            raise _option(options, "FieldValueNotSupported", said, "fieldValidation")
        applying = call.verb == "patch" and call.content_type == APPLY
        manager = call.query.get("fieldManager", "")
        force = call.query.get("force", "")
        if applying and not manager:
            said = "Required value: is required for apply patch"
            raise _option(options, "FieldValueRequired", said, "fieldManager")
        if call.verb == "patch" and not applying and force:
            said = "Forbidden: may not be specified for non-apply patch"
            raise _option(options, "FieldValueForbidden", said, "force")
        return Write(
            manager=manager or call.user_agent.split("/", 1)[0],
            dry_run=dry == "All",
            validation=validation or "Warn",
            subresource=call.subresource,
            force=force in ("true", "1"),
        )

    @staticmethod
    def _object(call: Call) -> Document:
        if not isinstance(call.body, dict):
            kind = call.resource.kind
            raise bad_request(f"the object provided is unrecognized (must be of type {kind})")
        return call.body

    def _patch(self, call: Call, resource: Resource, write: Write) -> tuple[int, Document]:
        kind = PATCHES[call.content_type]
        if kind == "apply":
            body = versions.inward(call.resource, self._object(call))
            item, created = self.registry.apply(resource, call.namespace, call.name, body, write)
            return (201 if created else 200), item
        return 200, self.registry.patch(resource, call.namespace, call.name, kind, call.body, write)

    def _delete(self, call: Call, resource: Resource, write: Write) -> Document:
        how = deletion.options(call.body or {}, dict(call.query))
        return deletion.delete(self.registry, resource, call.namespace, call.name, how, write)

    def _delete_all(self, call: Call, resource: Resource, write: Write) -> Document:
        how = deletion.options(call.body or {}, dict(call.query))
        selecting = {k: v for k, v in call.query.items() if k in ("labelSelector", "fieldSelector")}
        page = self.reader.page(resource, call.namespace or None, Shape(), selecting)
        for item in page["items"]:
            metadata = item["metadata"]
            deletion.delete(
                self.registry, resource, metadata.get("namespace", ""), metadata["name"], how, write
            )
        return page

    def _finalize(self, call: Call, body: Document) -> Document:
        """The namespace's own finalizers may be changed only here."""
        live = self.registry.get(call.resource, "", call.name)
        finalizers = body.get("spec", {}).get("finalizers", [])
        new = {**live, "spec": {**live["spec"], "finalizers": finalizers}}
        leaving = "deletionTimestamp" in live["metadata"] and not finalizers
        if leaving and not live["metadata"].get("finalizers"):
            return self.objects.drop("/namespaces", new)
        return self.objects.put("/namespaces", new)

    def _scale(self, call: Call, write: Write) -> tuple[int, Document]:
        resource = call.resource
        if resource.name not in ("deployments", "replicasets"):
            raise no_such_path()
        live = self.registry.get(resource, call.namespace, call.name)
        if call.verb == "get":
            return 200, scale_of(live)
        body = self._object(call)
        if call.verb == "patch" and call.content_type == APPLY:
            config = {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": call.name},
                "spec": {"replicas": body.get("spec", {}).get("replicas", 0)},
            }
            new, _ = self.registry.apply(resource, call.namespace, call.name, config, write)
            return 200, scale_of(new)
        replicas = (body.get("spec") or {}).get("replicas", 0 if call.verb == "update" else None)
        if replicas is None:
            return 200, scale_of(live)
        if isinstance(replicas, bool) or not isinstance(replicas, int):
            raise bad_request(
                'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into '
                "Go struct field ScaleSpec.spec.replicas of type int32"
            )
        if replicas < 0:
            said = f"Invalid value: {replicas}: must be greater than or equal to 0"
            cause = {"reason": "FieldValueInvalid", "message": said, "field": "spec.replicas"}
            raise invalid(call.name, "autoscaling", "Scale", [cause])
        version = (body.get("metadata") or {}).get("resourceVersion")
        change: Document = {"spec": {"replicas": replicas}}
        if version:
            change["metadata"] = {"resourceVersion": version}
        new = self.registry.patch(resource, call.namespace, call.name, "merge", change, write)
        return 200, scale_of(new)

    def _eviction(self, call: Call, write: Write) -> tuple[int, Document]:
        resource = self.registry.resource("pods")
        pod = self.registry.get(resource, call.namespace, call.name)
        for budget in self.objects.list("policy/poddisruptionbudgets", call.namespace):
            labels = pod["metadata"].get("labels")
            guarded = selector_match(budget["spec"].get("selector"), labels)
            if guarded and budget["status"].get("disruptionsAllowed", 0) < 1:
                raise ApiError(
                    429,
                    "TooManyRequests",
                    "Cannot evict pod as it would violate the pod's disruption budget.",
                    {
                        "causes": [
                            {
                                "reason": "DisruptionBudget",
                                "message": "The disruption budget "
                                f"{budget['metadata']['name']} needs more healthy pods",
                            }
                        ]
                    },
                )
        options = (call.body or {}).get("deleteOptions") or {}
        how = deletion.options(options, {})
        deletion.delete(self.registry, resource, call.namespace, call.name, how, write)
        return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _binding(self, call: Call, write: Write) -> tuple[int, Document]:
        node = self._object(call).get("target", {}).get("name", "")
        resource = self.registry.resource("pods")
        pod = self.registry.get(resource, call.namespace, call.name)
        if pod["spec"].get("nodeName"):
            why = f'pod {call.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise ApiError(409, "Conflict", why)
        new = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        self.objects.put(resource.store_key, new)
        return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def watch(self, call: Call) -> Watch:
        resource = self._stored(call.resource)
        match = self.reader.matcher(resource, call.query, call.name)
        version = call.query.get("resourceVersion", "")
        if version and not version.isdigit():
            raise bad_request(f'Invalid value: "{version}": invalid resource version')
        shape = self.reader.event_shape(call.resource, call.shape, call.query)

        def converted(item: Document, first: bool) -> Document:
            return shape(versions.outward(call.resource, item), first)

        return Watch(self.objects, resource, call.namespace or None, match, converted)

    def log_lines(self, call: Call) -> list[str]:
        """The lines of one container as the query wants them (tail, times, since)."""
        pod = self.registry.get(call.resource, call.namespace, call.name)
        names = [c["name"] for c in pod["spec"]["containers"]]
        names += [c["name"] for c in pod["spec"].get("initContainers", [])]
        container = call.query.get("container", "")
        if not container:
            if len(pod["spec"]["containers"]) > 1:
                choice = " ".join(c["name"] for c in pod["spec"]["containers"])
                raise bad_request(
                    f"a container name must be specified for pod {call.name}, choose one of: "
                    f"[{choice}]"
                )
            container = names[0]
        if container not in names:
            raise bad_request(f"container {container} is not valid for pod {call.name}")
        self._log_ready(pod, container)
        lines = self.logs.lines(pod, container)
        if call.query.get("tailLines"):
            lines = lines[-int(call.query["tailLines"]) :] if call.query["tailLines"] != "0" else []
        stamped = call.query.get("timestamps") == "true"
        return [f"{when} {line}" if stamped else line for when, line in lines]

    @staticmethod
    def _log_ready(pod: Document, container: str) -> None:
        states = [
            *pod["status"].get("containerStatuses", []),
            *pod["status"].get("initContainerStatuses", []),
        ]
        state: Document = next((one for one in states if one["name"] == container), {})
        waiting = state.get("state", {}).get("waiting")
        if not state or (waiting and "terminated" not in state.get("lastState", {})):
            reason = (waiting or {}).get("reason", "ContainerCreating")
            raise bad_request(
                f'container "{container}" in pod "{pod["metadata"]["name"]}" is waiting to start: '
                f"{reason}"
            )

    async def follow_log(
        self, call: Call, lines: list[str], stopping: asyncio.Event
    ) -> AsyncIterator[str]:
        """The lines there are, then new ones until the pod is gone or the server stops."""
        for line in lines:
            yield line
        query = {k: v for k, v in call.query.items() if k not in ("tailLines", "follow")}
        later = Call(**{**call.__dict__, "query": query})
        seen = len(self.log_lines(later))
        while not stopping.is_set():
            await asyncio.sleep(0.25)
            if self.registry.find(call.resource, call.namespace, call.name) is None:
                return
            now = self.log_lines(later)
            for line in now[seen:]:
                yield line
            seen = len(now)


def scale_of(item: Document) -> Document:
    metadata = item["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": item["spec"]["replicas"]},
        "status": {
            "replicas": item.get("status", {}).get("replicas", 0),
            "selector": selector_text(item["spec"]["selector"]),
        },
    }


def _option(kind: str, reason: str, message: str, name: str) -> ApiError:
    cause = {"reason": reason, "message": message, "field": name}
    return invalid("", "meta.k8s.io", kind, [cause])


def broken_json(kind: str, text: str) -> ApiError:
    """Go's words for a body that ends too early or is no JSON."""
    why = "unexpected end of JSON input"
    if re.search(r"[}\]]\s*$", text):
        why = "invalid character in JSON input"
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind}): couldn't get "
        f"version/kind; json parse error: {why} ({text[:100]})"
    )
