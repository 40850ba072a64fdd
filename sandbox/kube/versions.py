"""Resources served in two versions: autoscaling/v1 is a smaller view of what is kept as v2."""

import copy
from typing import Any

from sandbox.kube.schema import Resource

Document = dict[str, Any]


def _other(resource: Resource) -> bool:
    return resource.group == "autoscaling" and resource.version == "v1"


def inward(resource: Resource, body: Document) -> Document:
    """A body as it is kept."""
    if not _other(resource):
        return body
    new = copy.deepcopy(body)
    if new.get("apiVersion"):
        new["apiVersion"] = "autoscaling/v2"
    spec = new.get("spec") or {}
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return new


def outward(resource: Resource, item: Document) -> Document:
    """A kept object as this version shows it."""
    if not _other(resource):
        return item
    new = copy.deepcopy(item)
    new["apiVersion"] = "autoscaling/v1"
    spec = new.get("spec", {})
    for metric in spec.pop("metrics", []):
        target = metric.get("resource", {}).get("target", {})
        if metric.get("resource", {}).get("name") == "cpu" and "averageUtilization" in target:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    spec.pop("behavior", None)
    status = new.get("status", {})
    new["status"] = {
        "currentReplicas": status.get("currentReplicas", 0),
        "desiredReplicas": status.get("desiredReplicas", 0),
    }
    return new


def list_out(resource: Resource, listed: Document, form: str) -> Document:
    if not _other(resource) or form:
        return listed
    items = [outward(resource, {"apiVersion": "", **item}) for item in listed["items"]]
    for item in items:
        del item["apiVersion"]
    return {**listed, "apiVersion": resource.api_version, "items": items}
