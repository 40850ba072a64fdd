"""Create, read, update, delete: what every write goes through, from the API and from controllers.

All of it is plain synchronous code, so a write is atomic among the tasks of the event loop.
"""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.clock import Clock
from sandbox.kube import apply as server_side
from sandbox.kube import defaults, fieldset, patch, prepare, validate
from sandbox.kube.decode import Decoder, WrongType
from sandbox.kube.managed import Manager, Owners
from sandbox.kube.objects import Objects
from sandbox.kube.schema import Resource, Schema
from sandbox.kube.status import (
    ApiError,
    already_exists,
    bad_request,
    conflict,
    modified,
    not_found,
)
from sandbox.kube.writes import Write

Document = dict[str, Any]
CARRIED = (
    "name", "namespace", "generateName", "uid", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "generation",
)  # fmt: skip


class Registry:
    def __init__(
        self, schema: Schema, objects: Objects, clock: Clock, addresses: prepare.Addresses
    ) -> None:
        self.schema = schema
        self.objects = objects
        self.clock = clock
        self.addresses = addresses

    def now(self) -> str:
        return self.clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")

    def resource(self, plural: str) -> Resource:
        return self.schema.named(plural)

    def find(self, resource: Resource, namespace: str, name: str) -> Document | None:
        return self.objects.get(resource.store_key, namespace, name)

    def get(self, resource: Resource, namespace: str, name: str) -> Document:
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(name, resource.group, resource.name)
        return found

    # -- create ---------------------------------------------------------------------------

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Document,
        write: Write,
        owners: Owners | None = None,
    ) -> Document:
        """Store a new object.  `owners` is given by server-side apply, which knows better."""
        self._check_identity(resource, namespace, body)
        if body.get("metadata", {}).get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self._check_namespace(resource, namespace, body.get("metadata", {}).get("name", ""))
        new = self._decode(resource, body, write)
        metadata = new.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + prepare.suffix()
        defaults.fill(resource.name, new)
        status = new.pop("status", None) if resource.name != "nodes" else None
        if owners is None:
            owners = Owners()
            manager = self._manager(resource, write, "Update")
            base = prepare.empty(resource.name)
            if resource.name != "nodes":
                base.pop("status")
            changed, _ = fieldset.compare(self.schema, resource.type_name, base, new)
            owners.fields[manager] = changed
            owners.times[manager] = self.now()
        del status
        prepare.identify(resource, new, namespace, self.now())
        prepare.first_status(resource, new, self.now())
        metadata.pop("resourceVersion", None)
        name = metadata.get("name", "")
        if name and self.find(resource, namespace, name) is not None:
            validate.check(resource, new, None)
            raise already_exists(name, resource.group, resource.name)
        # Addresses are taken only once the body is known to be good.
        validate.check(resource, new, None)
        if not (write.dry_run and resource.name == "services"):
            prepare.for_create(resource, new, self.addresses)
        self._seal(resource, new, owners)
        if write.dry_run:
            return new
        return self.objects.put(resource.store_key, new)

    def _check_identity(self, resource: Resource, namespace: str, body: Document) -> None:
        kind, api_version = body.get("kind"), body.get("apiVersion")
        if (kind and kind != resource.kind) or (
            api_version and api_version != resource.api_version
        ):
            version = str(api_version).rsplit("/", 1)[-1]
            group = resource.group.split(".")[0] or "core"
            raise bad_request(
                f'{kind} in version "{version}" cannot be handled as a {resource.kind}: converting '
                f"({version}.{kind}) to ({group}.{resource.kind}): unknown conversion"
            )
        metadata = body.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise bad_request("metadata must be an object")
        if resource.namespaced and metadata.get("namespace") not in (None, "", namespace):
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        holder = self.objects.get("/namespaces", "", namespace)
        if holder is None:
            raise not_found(namespace, "", "namespaces")
        if "deletionTimestamp" in holder["metadata"]:
            details = {"name": name, "group": resource.group, "kind": resource.name}
            causes = [
                {
                    "reason": "NamespaceTerminating",
                    "message": f"namespace {namespace} is being terminated",
                    "field": "metadata.namespace",
                }
            ]
            raise ApiError(
                403,
                "Forbidden",
                f'{resource.qualified} "{name}" is forbidden: unable to create new content in '
                f"namespace {namespace} because it is being terminated",
                {**{k: v for k, v in details.items() if v}, "causes": causes},
            )

    def _decode(self, resource: Resource, body: Document, write: Write) -> Document:
        decoder = Decoder(self.schema)
        prefix = (
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: "
        )
        try:
            new = decoder.decode(resource.type_name, body)
        except WrongType as exc:
            raise bad_request(prefix + str(exc)) from exc
        if decoder.unknown:
            said = [f'unknown field "{path}"' for path in decoder.unknown]
            if write.validation == "Strict" and write.patching:
                raise self._strict_patch(body, said)
            if write.validation == "Strict":
                raise bad_request(f"{prefix}strict decoding error: {', '.join(said)}")
            if write.validation == "Warn":
                write.warnings.extend(said)
        new.setdefault("metadata", {})
        new["kind"], new["apiVersion"] = resource.kind, resource.api_version
        return new

    @staticmethod
    def _strict_patch(body: Document, said: list[str]) -> ApiError:
        """A patched object is echoed whole when a strict patch brings an unknown field."""
        echo = json.dumps(json.dumps(body, separators=(",", ":")))
        message = f"Invalid value: {echo}: strict decoding error: {', '.join(said)}"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": "patch"}
        details = {"causes": [cause]}
        return ApiError(422, "Invalid", f' "" is invalid: patch: {message}', details)

    def _manager(self, resource: Resource, write: Write, operation: str) -> Manager:
        return Manager(operation, write.manager, resource.api_version, write.subresource)

    def _seal(self, resource: Resource, new: Document, owners: Owners) -> None:
        entries = owners.entries()
        new["metadata"].pop("managedFields", None)
        if entries:
            new["metadata"]["managedFields"] = entries
        prepare.nulls(resource.name, new)

    # -- update ---------------------------------------------------------------------------

    def update(
        self, resource: Resource, namespace: str, name: str, body: Document, write: Write
    ) -> Document:
        """PUT: replace the object (or, with write.subresource, that part of it)."""
        self._check_identity(resource, namespace, body)
        self._check_name(body, name)
        live = self.get(resource, namespace, name)
        uid = (body.get("metadata") or {}).get("uid")
        if uid and uid != live["metadata"]["uid"]:
            place = "/".join(filter(None, (resource.name, namespace, name)))
            raise conflict(
                name,
                resource.group,
                resource.name,
                f"StorageError: invalid object, Code: 4, Key: /registry/{place}, ResourceVersion: "
                f"0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in "
                f"object meta: {live['metadata']['uid']}",
            )
        return self._replace(resource, live, body, write)

    def _check_name(self, body: Document, name: str) -> None:
        said = (body.get("metadata") or {}).get("name")
        if said and said != name:
            raise bad_request(
                f"the name of the object ({said}) does not match the name on the URL ({name})"
            )

    def _replace(
        self, resource: Resource, live: Document, body: Document, write: Write
    ) -> Document:
        new = self._decode(resource, body, write)
        given = (body.get("metadata") or {}).get("managedFields")
        owners = Owners.of(live)
        if given is not None and given != live["metadata"].get("managedFields", []):
            owners = Owners.of({"metadata": {"managedFields": [e for e in given if e]}})
        merged = self._keep(resource, live, new, write)
        changed, removed = fieldset.compare(self.schema, resource.type_name, live, merged)
        manager = self._manager(resource, write, "Update")
        if changed or removed:
            owners.take(manager, changed)
            owners.fields[manager] = owners.fields.get(manager, set()) | changed
            owners.forget(removed)
            if write.subresource != "scale":
                owners.times[manager] = self.now()
        return self._store(resource, live, merged, owners, write, body)

    def _keep(self, resource: Resource, live: Document, new: Document, write: Write) -> Document:
        """`new` with what this write may not touch taken from `live`, and defaults filled in."""
        metadata = new["metadata"]
        for name in CARRIED:
            metadata.pop(name, None)
            if name in live["metadata"]:
                metadata[name] = live["metadata"][name]
        if write.subresource == "status":
            kept = copy.deepcopy({k: v for k, v in live.items() if k != "status"})
            if "annotations" in metadata:
                kept["metadata"]["annotations"] = metadata["annotations"]
            kept["metadata"]["resourceVersion"] = metadata.get("resourceVersion", "")
            if "status" in new:
                kept["status"] = new["status"]
            return kept
        defaults.fill(resource.name, new)
        if "status" in resource.subresources:
            new.pop("status", None)
            if "status" in live:
                new["status"] = copy.deepcopy(live["status"])
        prepare.for_update(resource, live, new, self.addresses)
        return new

    def _store(
        self,
        resource: Resource,
        live: Document,
        new: Document,
        owners: Owners,
        write: Write,
        body: Document,
    ) -> Document:
        said = (body.get("metadata") or {}).get("resourceVersion")
        if said and said != live["metadata"]["resourceVersion"]:
            name = live["metadata"]["name"]
            raise modified(name, resource.group, resource.name)
        validate.check(resource, new, live)
        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        if resource.name in prepare.WITH_GENERATION and _spec(new) != _spec(live):
            new["metadata"]["generation"] = live["metadata"].get("generation", 0) + 1
        self._seal(resource, new, owners)
        if _same(new, live):
            return live
        if write.dry_run:
            return new
        if "deletionTimestamp" in new["metadata"] and self._may_go(resource, new):
            self.objects.drop(resource.store_key, new)
            return new
        return self.objects.put(resource.store_key, new)

    @staticmethod
    def _may_go(resource: Resource, body: Document) -> bool:
        if body["metadata"].get("finalizers"):
            return False
        if resource.name == "namespaces":
            return not body.get("spec", {}).get("finalizers")
        if resource.name == "pods":
            return not body["metadata"].get("deletionGracePeriodSeconds")
        return True

    def patch(
        self, resource: Resource, namespace: str, name: str, kind: str, body: Any, write: Write
    ) -> Document:
        """The older patches; `kind` is `merge`, `strategic` or `json`."""
        live = self.get(resource, namespace, name)
        if kind == "json":
            target = patch.json_patch(live, body)
        elif kind == "merge":
            target = patch.merge_patch(live, body)
        else:
            node = self.schema.node(resource.type_name)
            target = patch.strategic(self.schema, node, copy.deepcopy(live), body)
        self._check_identity(resource, namespace, target)
        self._check_name(target, name)
        write = replace(write, patching=True)
        return self._replace(resource, live, target, write)

    def apply(
        self, resource: Resource, namespace: str, name: str, config: Document, write: Write
    ) -> tuple[Document, bool]:
        """Server-side apply: (object, was it created)."""
        kind, api_version = config.get("kind", ""), config.get("apiVersion", "")
        if not kind or not api_version:
            group, _, version = api_version.rpartition("/")
            raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
        if (config.get("metadata") or {}).get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        self._check_identity(resource, namespace, config)
        self._check_name(config, name)
        wanted = server_side.typed(self.schema, resource, namespace, name, config)
        part = write.subresource or "main"
        wanted = {k: v for k, v in wanted.items() if (k == "status") == (part == "status")}
        claimed = server_side.claims(self.schema, resource, namespace, name, wanted)
        live = self.find(resource, namespace, name)
        manager = self._manager(resource, write, "Apply")
        if live is None:
            if write.subresource:
                raise not_found(name, resource.group, resource.name)
            owners = Owners()
            owners.fields[manager] = claimed
            owners.times[manager] = self.now()
            body = {**config, "metadata": {**(config.get("metadata") or {}), "name": name}}
            body = {k: v for k, v in body.items() if k != "status"}
            return self.create(resource, namespace, body, write, owners), True
        owners = Owners.of(live)
        merged, differs = server_side.apply(
            self.schema, resource.type_name, live, wanted, manager, owners, force=write.force
        )
        if differs and write.subresource != "scale":
            owners.times[manager] = self.now()
        new = self._decode(resource, merged, Write())
        new = self._keep(resource, live, new, write)
        return self._store(resource, live, new, owners, write, config), False

    # -- for controllers ------------------------------------------------------------------

    def mutate(
        self,
        plural: str,
        namespace: str,
        name: str,
        change: Callable[[Document], None],
        *,
        manager: str = "kube-controller-manager",
        subresource: str = "",
    ) -> Document | None:
        """Change a copy of the object and store that; None if it is gone, no write if equal."""
        resource = self.resource(plural)
        live = self.find(resource, namespace, name)
        if live is None:
            return None
        body = copy.deepcopy(live)
        change(body)
        if body == live:
            return live
        write = Write(manager=manager, subresource=subresource)
        return self._replace(resource, live, body, write)


def _spec(body: Document) -> Document:
    skipped = ("metadata", "status", "kind", "apiVersion")
    return {name: value for name, value in body.items() if name not in skipped}


def _same(new: Document, live: Document) -> bool:
    """Equal but for the times in managedFields."""

    def bare(body: Document) -> Document:
        entries = [
            {k: v for k, v in entry.items() if k != "time"}
            for entry in body["metadata"].get("managedFields", [])
        ]
        entries.sort(key=lambda e: (e["operation"], e["manager"], e.get("subresource", "")))
        return {**body, "metadata": {**body["metadata"], "managedFields": entries}}

    return bare(new) == bare(live)
