"""Label and field selectors: which objects a request means."""

import re
from collections.abc import Callable
from typing import Any

from sandbox.kube.status import ApiError, bad_request

Document = dict[str, Any]
Match = Callable[[Document], bool]

# Fields each resource may be selected by, beside metadata.name and metadata.namespace.
FIELDS = {
    "pods": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "replicasets": ("status.replicas",),
    "jobs": ("status.successful",),
    "services": ("spec.clusterIP", "spec.type"),
}  # fmt: skip
REQUIREMENT = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<no>[\w./-]+)"
    r"|(?P<key>[\w./-]+)\s*(?:(?P<op>==|=|!=|\bin\b|\bnotin\b)\s*"
    r"(?:\((?P<set>[^)]*)\)|(?P<value>[\w.-]*)))?)\s*(?:,|$)"
)


def labels_match(text: str) -> Match:
    """`a=b,c!=d,e in (f,g),h,!i`; raises 400 if it cannot be read."""
    wants = []
    position = 0
    while position < len(text):
        found = REQUIREMENT.match(text, position)
        if not found or found.end() == position:
            raise bad_request(_complaint(text[position:]))
        in_set = found["op"] in ("in", "notin")
        if found["op"] and in_set != (found["set"] is not None):
            raise bad_request(_complaint(text[position:]))
        wants.append(_requirement(found))
        position = found.end()

    def match(document: Document) -> bool:
        labels = document["metadata"].get("labels") or {}
        return all(want(labels) for want in wants)

    return match


def _complaint(rest: str) -> str:
    if re.search(r"\b(in|notin)\s*\([^)]*$", rest):
        return "unable to parse requirement: found '', expected: ',', ')' or identifier"
    return f"unable to parse requirement: found '{rest}', expected: identifier"


def _requirement(found: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    if found["absent"]:
        missing = found["no"]
        return lambda labels: missing not in labels
    key = found["key"]
    if not found["op"]:
        return lambda labels: key in labels
    if found["op"] in ("=", "=="):
        value = found["value"]
        return lambda labels: labels.get(key) == value
    if found["op"] == "!=":
        value = found["value"]
        return lambda labels: labels.get(key) != value
    values = {item.strip() for item in found["set"].split(",")}
    if found["op"] == "in":
        return lambda labels: labels.get(key) in values
    return lambda labels: labels.get(key) not in values


def selector_match(selector: Document | None, labels: dict[str, str] | None) -> bool:
    """Does a LabelSelector object match these labels?  None matches nothing, {} everything."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(k) != v for k, v in (selector.get("matchLabels") or {}).items()):
        return False
    for want in selector.get("matchExpressions") or []:
        value, values = labels.get(want["key"]), want.get("values") or []
        held = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": want["key"] in labels,
            "DoesNotExist": want["key"] not in labels,
        }[want["operator"]]
        if not held:
            return False
    return True


def selector_text(selector: Document | None) -> str:
    """A LabelSelector as one writes it on a command line."""
    if not selector:
        return ""
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for want in selector.get("matchExpressions") or []:
        values = ",".join(want.get("values") or [])
        parts.append(
            {
                "In": f"{want['key']} in ({values})",
                "NotIn": f"{want['key']} notin ({values})",
                "Exists": want["key"],
                "DoesNotExist": f"!{want['key']}",
            }[want["operator"]]
        )
    return ",".join(parts)


def fields_match(text: str, plural: str) -> Match:
    """`metadata.name=a,status.phase!=Running`; raises 400 for a field this resource has not."""
    known = ("metadata.name", "metadata.namespace", *FIELDS.get(plural, ()))
    wants: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([\w.\[\]/-]+)(==|=|!=)(.*)", part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, sign, value = found.groups()
        if path not in known:
            supported = ", ".join(f'"{name}"' for name in known)
            raise ApiError(
                400, "BadRequest", f'"{path}" is not a known field selector: only {supported}'
            )
        wants.append((path, sign != "!=", value))

    def match(document: Document) -> bool:
        return all((_value(document, path) == value) is same for path, same, value in wants)

    return match


def _value(document: Document, path: str) -> str:
    value: Any = document
    if path == "source":
        path = "source.component"
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
