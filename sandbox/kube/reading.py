"""GET: one object, lists with selectors and pages, in the shape the client asked for."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.kube import selectors, tables
from sandbox.kube.ages import duration
from sandbox.kube.objects import Objects
from sandbox.kube.registry import Registry
from sandbox.kube.schema import Resource
from sandbox.kube.selectors import Match
from sandbox.kube.status import ApiError, bad_request

Document = dict[str, Any]
FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
JSON = ("application/json", "application/*", "*/*")


@dataclass(frozen=True)
class Shape:
    """How objects are sent: `form` is "", "Table", "PartialObjectMetadata" or "...List"."""

    form: str = ""


def accepted(header: str) -> Shape:
    """The first form of the Accept header this server speaks; 406 if none."""
    if not header:
        return Shape()
    for choice in header.split(","):
        media, *options = [part.strip() for part in choice.split(";")]
        if media not in JSON:
            continue
        given = dict(option.split("=", 1) for option in options if "=" in option)
        form = given.get("as", "")
        ours = given.get("g") == "meta.k8s.io" and given.get("v") == "v1"
        if not form or (ours and form in FORMS):
            return Shape(form)
    raise ApiError(
        406,
        "NotAcceptable",
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf",
        {},
    )


class Reader:
    def __init__(self, registry: Registry, objects: Objects) -> None:
        self.registry = registry
        self.objects = objects

    def age(self, stamp: str | None) -> str:
        if not stamp:
            return "<unknown>"
        then = datetime.strptime(stamp.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")
        return duration(self.registry.clock.now() - then.replace(tzinfo=UTC).timestamp())

    def matcher(self, resource: Resource, query: Mapping[str, str], name: str = "") -> Match:
        labels = selectors.labels_match(query.get("labelSelector", ""))
        fields = selectors.fields_match(query.get("fieldSelector", ""), resource.name)
        return lambda item: (
            labels(item) and fields(item) and (not name or item["metadata"]["name"] == name)
        )

    def one(
        self, resource: Resource, item: Document, shape: Shape, query: Mapping[str, str]
    ) -> Document:
        if shape.form == "Table":
            metadata = {"resourceVersion": item["metadata"].get("resourceVersion", "")}
            include = query.get("includeObject", "Metadata")
            return tables.table(resource, [item], metadata, age=self.age, include=include)
        if shape.form.startswith("PartialObjectMetadata"):
            return tables.partial(item)
        return item

    def event_shape(
        self, resource: Resource, shape: Shape, query: Mapping[str, str]
    ) -> Callable[[Document, bool], Document]:
        """For watches: a table shows its columns only in the first event."""

        def make(item: Document, first: bool) -> Document:
            if shape.form == "Table":
                metadata = {"resourceVersion": item["metadata"]["resourceVersion"]}
                include = query.get("includeObject", "Metadata")
                return tables.table(
                    resource, [item], metadata, age=self.age, include=include, columns=first
                )
            return self.one(resource, item, shape, query)

        return make

    def page(
        self, resource: Resource, namespace: str | None, shape: Shape, query: Mapping[str, str]
    ) -> Document:
        version = self._version(query.get("resourceVersion", ""))
        match = self.matcher(resource, query)
        found = [i for i in self.objects.list(resource.store_key, namespace) if match(i)]
        start = ""
        if query.get("continue"):
            version, start = self._token(query["continue"], query)
            found = [item for item in found if _place(item, namespace) >= start]
        limit = int(query.get("limit") or 0)
        metadata: Document = {"resourceVersion": str(version)}
        if limit and len(found) > limit:
            last = _place(found[limit - 1], namespace)
            metadata["continue"] = token(version, last + "\0")
            if not query.get("labelSelector") and not query.get("fieldSelector"):
                metadata["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        return self._shaped(resource, found, metadata, shape, query)

    def _shaped(
        self,
        resource: Resource,
        found: list[Document],
        metadata: Document,
        shape: Shape,
        query: Mapping[str, str],
    ) -> Document:
        if shape.form == "Table":
            include = query.get("includeObject", "Metadata")
            return tables.table(resource, found, metadata, age=self.age, include=include)
        if shape.form.startswith("PartialObjectMetadata"):
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": [tables.partial(item) for item in found],
            }
        items = [
            {name: value for name, value in item.items() if name not in ("kind", "apiVersion")}
            for item in found
        ]
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": metadata,
            "items": items,
        }

    def _version(self, said: str) -> int:
        """The version a list shows.  Raises 400 if unreadable, 504 if it is in the future."""
        if not said or said == "0":
            return self.objects.version
        if not said.isdigit():
            raise bad_request(
                f'invalid resource version: resourceVersion: Invalid value: "{said}": '
                f'strconv.ParseUint: parsing "{said}": invalid syntax'
            )
        if int(said) > self.objects.version:
            raise ApiError(
                504,
                "Timeout",
                f"Timeout: Too large resource version: {said}, current: {self.objects.version}",
                {
                    "causes": [
                        {
                            "reason": "ResourceVersionTooLarge",
                            "message": "Too large resource version",
                        }
                    ],
                    "retryAfterSeconds": 1,
                },
                headers={"Retry-After": "1"},
            )
        return self.objects.version

    def _token(self, text: str, query: Mapping[str, str]) -> tuple[int, str]:
        try:
            read = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            version, start = int(read["rv"]), str(read["start"])
        except (ValueError, KeyError, TypeError) as exc:
            raise bad_request(f"invalid continue token: continue key is not valid: {exc}") from exc
        if version == -1:
            return self.objects.version, start
        if version < self.objects.oldest:
            raise ApiError(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter, or use the continue "
                "token in this response to retrieve the remainder of the results. Continuing with "
                "the provided token results in an inconsistent list - objects that were created, "
                "modified, or deleted between the time the first chunk was returned and now may "
                "show up in the list.",
                metadata={"continue": token(-1, start)},
            )
        return version, start


def _place(item: Document, namespace: str | None) -> str:
    metadata = item["metadata"]
    if namespace is None and metadata.get("namespace"):
        return f"{metadata['namespace']}/{metadata['name']}"
    return str(metadata["name"])


def token(version: int, start: str) -> str:
    body = {"v": "meta.k8s.io/v1", "rv": version, "start": start}
    text = json.dumps(body, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
