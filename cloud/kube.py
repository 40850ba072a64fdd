"""One Kubernetes cluster: plain manifests in and out, server-side apply, watch, logs, access."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import urllib3.exceptions

from cloud.errors import AlreadyExists, Busy, LostAnswer, NotFound, Unreachable
from cloud.kube_wire import SERVICE, Expired, KubeWire, audit_id, refused
from cloud.kube_wire import Conflicted as Conflicted
from cloud.network import timed_out, unanswered
from cloud.reading import flag, part, parts, text
from cloud.types import Deleted, Manifest, ManifestList, WatchEvent

FIELD_MANAGER = "sdconsole"
PAGE = 500
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
# Kinds whose plural is not the kind in lower case plus "s".
_PLURALS = {
    "Endpoints": "endpoints",
    "EndpointSlice": "endpointslices",
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "NetworkPolicy": "networkpolicies",
    "PriorityClass": "priorityclasses",
    "ResourceQuota": "resourcequotas",
    "StorageClass": "storageclasses",
}
CLUSTER_WIDE = frozenset(
    (
        "clusterrolebindings",
        "clusterroles",
        "csidrivers",
        "customresourcedefinitions",
        "ingressclasses",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "priorityclasses",
        "storageclasses",
    )
)


class KubeClient:
    """Talks as the user of `kubeconfig_text`.  `timeout_s` bounds every answer but streams."""

    def __init__(self, kubeconfig_text: str, *, timeout_s: float = 15.0) -> None:
        self._wire = KubeWire(kubeconfig_text, timeout_s)

    def version(self) -> str:
        """As the server says it: "v1.34.1-tke.8"."""
        return text(self._wire.json("GET", "/version")[0], "gitVersion")

    def get(
        self, api_version: str, plural: str, name: str, namespace: str | None = None
    ) -> Manifest | None:
        try:
            return self._one("GET", path_of(api_version, plural, namespace, name))
        except NotFound:
            return None

    def list(
        self,
        api_version: str,
        plural: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ManifestList:
        """Everything that matches, read page by page.  Raises Expired if a page took too long."""
        found: list[Manifest] = []
        query = _selectors(label_selector, field_selector) | {"limit": str(PAGE)}
        path = path_of(api_version, plural, namespace)
        while True:
            page, _ = self._wire.json("GET", path, query=query)
            kind = text(page, "kind").removesuffix("List")
            for item in parts(page, "items"):
                # Items of a list name neither their kind nor their version.
                found.append(Manifest({"apiVersion": api_version, "kind": kind, **item}))
            meta = part(page, "metadata")
            if not text(meta, "continue"):
                return ManifestList(tuple(found), text(meta, "resourceVersion"))
            query["continue"] = text(meta, "continue")

    def apply(
        self,
        manifest: Mapping[str, Any],
        field_manager: str = FIELD_MANAGER,
        *,
        force: bool = False,
        dry_run: bool = False,
    ) -> Manifest:
        """Server-side apply of exactly the fields we own; what we owned and left out goes away.

        Raises Conflicted (with `.conflicts`) if another manager owns a field and force is off."""
        query = {"fieldManager": field_manager}
        query |= {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        return self._one(
            "PATCH",
            path_of_manifest(manifest),
            query=query,
            body=manifest,
            content_type=APPLY_PATCH,
            mutating=not dry_run,
        )

    def patch(
        self, manifest_ref: Mapping[str, Any], change: Mapping[str, Any], *, dry_run: bool = False
    ) -> Manifest | None:
        """JSON merge patch `change` onto the object `manifest_ref` names; None if it is absent."""
        query = {"fieldManager": FIELD_MANAGER}
        query |= {"dryRun": "All"} if dry_run else {}
        try:
            return self._one(
                "PATCH",
                path_of_manifest(manifest_ref),
                query=query,
                body=change,
                content_type=MERGE_PATCH,
                mutating=not dry_run,
            )
        except NotFound:
            return None

    def delete(
        self,
        manifest_ref: Mapping[str, Any],
        *,
        uid: str = "",
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> Deleted:
        """Delete the object `manifest_ref` names.  With `uid`, only that very object: one of the
        same name made by somebody else is left alone, and counts as already deleted."""
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        path = path_of_manifest(manifest_ref)
        try:
            _, request_id = self._wire.json("DELETE", path, body=options, mutating=not dry_run)
        except NotFound as gone:
            return Deleted(False, gone.request_id)
        except Busy as conflict:
            if uid and "uid" in conflict.message.lower():
                return Deleted(False, conflict.request_id)
            raise
        return Deleted(True, request_id)

    def scale(self, plural: str, name: str, namespace: str, replicas: int) -> Manifest | None:
        """Set the replicas of an apps/v1 object through its scale subresource; None if absent."""
        path = path_of("apps/v1", plural, namespace, name) + "/scale"
        try:
            return self._one(
                "PATCH",
                path,
                query={"fieldManager": FIELD_MANAGER},
                body={"spec": {"replicas": replicas}},
                content_type=MERGE_PATCH,
            )
        except NotFound:
            return None

    def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        tail: int = 200,
        previous: bool = False,
        limit_bytes: int = 1 << 20,
    ) -> str | None:
        """The last `tail` lines; None if there is no such pod, or no log yet."""
        query = {"tailLines": str(tail), "limitBytes": str(limit_bytes)}
        query |= {"container": container} if container else {}
        query |= {"previous": "true"} if previous else {}
        path = path_of("v1", "pods", namespace, name) + "/log"
        try:
            response = self._wire.send("GET", path, query=query)
            return response.read().decode("utf-8", "replace")
        except NotFound:
            return None
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            raise unanswered(exc, service=SERVICE, what=f"GET {path}", mutating=False) from None

    def access_review(
        self, verb: str, api_version: str, plural: str, namespace: str = "", subresource: str = ""
    ) -> bool:
        """Whether this user may do `verb` on `plural` (empty namespace = cluster-wide)."""
        group = api_version.rpartition("/")[0]
        attributes = {"verb": verb, "group": group, "resource": plural, "namespace": namespace}
        if subresource:
            attributes["subresource"] = subresource
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        found, _ = self._wire.json("POST", path, body=body, mutating=False)
        return flag(part(found, "status"), "allowed")

    def events(self, namespace: str, kind: str, name: str, uid: str = "") -> tuple[Manifest, ...]:
        """Events about one object, oldest first."""
        fields = {"involvedObject.kind": kind, "involvedObject.name": name}
        fields |= {"involvedObject.uid": uid} if uid else {}
        selector = ",".join(f"{key}={value}" for key, value in fields.items())
        found = self.list("v1", "events", namespace, field_selector=selector).items
        return tuple(sorted(found, key=_event_time))

    def watch(
        self,
        api_version: str,
        plural: str,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_s: int = 60,
    ) -> Iterator[WatchEvent]:
        """Changes after `resource_version`, until the server ends the watch after `timeout_s`.

        Raises Expired (list again) when the version is too old, Unreachable when the stream
        breaks.  Bookmarks are handed on so that the caller can keep their version."""
        query = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_s),
        }
        path = path_of(api_version, plural, namespace)
        # The read timeout is between two events: bookmarks come about each minute.
        response = self._wire.send("GET", path, query=query, timeout_s=timeout_s + 15.0)
        try:
            for line in _lines(response):
                yield _event(line, path)
        except (urllib3.exceptions.HTTPError, OSError) as exc:
            if timed_out(exc):
                return
            raise unanswered(exc, service=SERVICE, what=f"watch {path}", mutating=False) from None
        finally:
            response.close()

    def create(self, manifest: Mapping[str, Any]) -> Manifest:
        """POST, for what must not exist yet.  Raises AlreadyExists."""
        meta = part(manifest, "metadata")
        api_version, kind = text(manifest, "apiVersion"), text(manifest, "kind")
        path = path_of(api_version, plural_of(kind), text(meta, "namespace") or None)
        return self._one("POST", path, query={"fieldManager": FIELD_MANAGER}, body=manifest)

    def _one(self, method: str, path: str, **options: Any) -> Manifest:
        found, request_id = self._wire.json(method, path, **options)
        manifest = Manifest(found)
        manifest.request_id = request_id
        if "metadata" not in found and method != "GET":
            raise LostAnswer(
                "The API server answered without the object.",
                request_id=request_id,
                service=SERVICE,
            )
        return manifest


def plural_of(kind: str) -> str:
    return _PLURALS.get(kind) or f"{kind.lower()}s"


def path_of(
    api_version: str, plural: str, namespace: str | None = None, name: str | None = None
) -> str:
    """The REST path; `namespace` is left out for cluster-wide kinds."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    if namespace and plural not in CLUSTER_WIDE:
        root += f"/namespaces/{quote(namespace, safe='')}"
    return f"{root}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def path_of_manifest(manifest: Mapping[str, Any]) -> str:
    """Where the object lives.  A namespaced manifest must name its namespace."""
    meta = part(manifest, "metadata")
    return path_of(
        text(manifest, "apiVersion"),
        plural_of(text(manifest, "kind")),
        text(meta, "namespace") or None,
        text(meta, "name"),
    )


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    found = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in found.items() if value}


def _lines(response: urllib3.HTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(amt=None, decode_content=True):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _event(line: bytes, path: str) -> WatchEvent:
    try:
        found = json.loads(line)
    except ValueError:
        raise Unreachable(f"The watch of {path} broke off.", service=SERVICE) from None
    manifest = Manifest(part(found, "object"))
    kind = text(found, "type")
    if kind == "ERROR":
        status = int(manifest.get("code") or 500)
        raise refused(status, json.dumps(manifest).encode(), {}, mutating=False)
    return WatchEvent(kind, manifest, text(part(manifest, "metadata"), "resourceVersion"))


def _event_time(event: Manifest) -> str:
    last = text(event, "lastTimestamp") or text(event, "eventTime")
    return last or text(part(event, "metadata"), "creationTimestamp")


__all__ = [
    "FIELD_MANAGER",
    "AlreadyExists",
    "Conflicted",
    "Expired",
    "KubeClient",
    "audit_id",
    "path_of",
    "path_of_manifest",
    "plural_of",
]
