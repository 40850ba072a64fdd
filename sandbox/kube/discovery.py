"""Discovery documents: which groups, versions and resources there are."""

from typing import Any

from sandbox.kube.schema import Resource, Schema

Document = dict[str, Any]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
REVIEWS = "authorization.k8s.io"
VERBS = {
    "status": ["get", "patch", "update"],
    "scale": ["get", "patch", "update"],
    "log": ["get"],
    "eviction": ["create"],
    "finalize": ["update"],
    "binding": ["create"],
}
SERVED_SUBRESOURCES = tuple(VERBS)


def version(git_version: str) -> Document:
    major, minor = git_version.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.24",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def core_versions(address: str) -> Document:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(schema: Schema) -> Document:
    groups = [group(schema, name) for name in [*schema.groups(), REVIEWS] if name]
    for item in groups:
        del item["kind"], item["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(schema: Schema, name: str) -> Document:
    found = ["v1"] if name == REVIEWS else schema.groups()[name]
    versions = [{"groupVersion": f"{name}/{item}", "version": item} for item in found]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def resource_list(schema: Schema, name: str, api_version: str) -> Document | None:
    """APIResourceList of one group and version; None if it is not served."""
    rows: list[Document] = []
    if name == REVIEWS and api_version == "v1":
        rows.append(
            {
                "name": "selfsubjectaccessreviews",
                "singularName": "selfsubjectaccessreview",
                "namespaced": False,
                "kind": "SelfSubjectAccessReview",
                "verbs": ["create"],
            }
        )
    for item in schema.resources:
        if (item.group, item.version) == (name, api_version):
            rows.append(_row(item))
            rows += [_subrow(item, sub) for sub in item.subresources if sub in VERBS]
    if not rows:
        return None
    body: Document = {"kind": "APIResourceList", "apiVersion": "v1"}
    if not name:
        del body["apiVersion"]
    body["groupVersion"] = f"{name}/{api_version}" if name else api_version
    body["resources"] = rows
    return body


def _row(item: Resource) -> Document:
    row: Document = {
        "name": item.name,
        "singularName": item.singular,
        "namespaced": item.namespaced,
        "kind": item.kind,
        "verbs": list(item.verbs),
    }
    if item.short_names:
        row["shortNames"] = list(item.short_names)
    if item.categories:
        row["categories"] = list(item.categories)
    return row


def _subrow(item: Resource, sub: str) -> Document:
    row: Document = {
        "name": f"{item.name}/{sub}",
        "singularName": "",
        "namespaced": item.namespaced,
        "kind": item.kind,
        "verbs": VERBS[sub],
    }
    if sub == "scale":
        row.update(group="autoscaling", version="v1", kind="Scale")
    if sub == "eviction":
        row.update(group="policy", version="v1", kind="Eviction")
    if sub == "binding":
        row["kind"] = "Binding"
    return row


def aggregated(schema: Schema, *, core: bool) -> Document:
    """The one-request form of discovery, for /api (core) and /apis."""
    items = []
    for name, versions in schema.groups().items():
        if (name == "") is not core:
            continue
        metadata = {"name": name} if name else {}
        listed = []
        for one in versions:
            resources = [
                _aggregated_row(item)
                for item in schema.resources
                if (item.group, item.version) == (name, one)
            ]
            listed.append({"version": one, "resources": resources, "freshness": "Current"})
        items.append({"metadata": metadata, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_row(item: Resource) -> Document:
    kind = {"group": "", "version": "", "kind": item.kind}
    row: Document = {
        "resource": item.name,
        "responseKind": kind,
        "scope": "Namespaced" if item.namespaced else "Cluster",
        "singularResource": item.singular,
        "verbs": list(item.verbs),
    }
    if item.short_names:
        row["shortNames"] = list(item.short_names)
    if item.categories:
        row["categories"] = list(item.categories)
    subresources = []
    for sub in item.subresources:
        if sub in VERBS:
            answer = kind
            if sub == "scale":
                answer = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            subresources.append({"subresource": sub, "responseKind": answer, "verbs": VERBS[sub]})
    if subresources:
        row["subresources"] = subresources
    return row
