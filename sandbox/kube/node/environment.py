"""Environment variables of a container, from values, fields, Secrets and ConfigMaps."""

import re
from typing import Any

from sandbox.kube.context import Context
from sandbox.kube.node.volumes import contents

Document = dict[str, Any]
REFERENCE = re.compile(r"\$(\$|\(([-._a-zA-Z0-9]+)\))")


class Unconfigured(Exception):
    """Something the container names is not there: CreateContainerConfigError with this text."""


def environment(context: Context, pod: Document, container: Document) -> dict[str, str]:
    namespace = pod["metadata"]["namespace"]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for kind, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if kind in source:
                item = _item(context, plural, namespace, source[kind])
                prefix = source.get("prefix", "")
                for key, data in (contents(item) if item else {}).items():
                    found[prefix + key] = data.decode("utf-8", "replace")
    for one in container.get("env", []):
        if "valueFrom" in one:
            value = _from(context, pod, container, one["valueFrom"])
            if value is not None:
                found[one["name"]] = value
        else:
            found[one["name"]] = expand(one.get("value", ""), found)
    return found


def expand(text: str, known: dict[str, str]) -> str:
    """$(NAME) becomes its value, $$ a dollar sign; unknown names stay as they are."""

    def one(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return known.get(match[2], match[0])

    return REFERENCE.sub(one, text)


def _item(context: Context, plural: str, namespace: str, reference: Document) -> Document | None:
    item = context.get(plural, namespace, reference.get("name", ""))
    if item is None and not reference.get("optional"):
        raise Unconfigured(f'{plural[:-1]} "{reference.get("name", "")}" not found')
    return item


def _from(context: Context, pod: Document, container: Document, source: Document) -> str | None:
    namespace = pod["metadata"]["namespace"]
    for kind, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if kind in source:
            reference = source[kind]
            item = _item(context, plural, namespace, reference)
            data = contents(item) if item else {}
            if reference["key"] in data:
                return data[reference["key"]].decode("utf-8", "replace")
            if reference.get("optional"):
                return None
            name = reference.get("name", "")
            what = "Secret" if plural == "secrets" else "ConfigMap"
            raise Unconfigured(f"couldn't find key {reference['key']} in {what} {namespace}/{name}")
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        group, _, name = source["resourceFieldRef"]["resource"].partition(".")
        return str(container.get("resources", {}).get(group, {}).get(name, ""))
    return None


def _field(pod: Document, path: str) -> str:
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
    if keyed:
        return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)
