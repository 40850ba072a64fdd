"""Fields of Kubernetes objects in words a person reads, for plans.  Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_noop

from apps.core.secrecy import SENSITIVE_KEY
from apps.core.words import Say

HELD_BY = gettext_noop("%(manager)s holds a field that this takes over.")
WORDS: tuple[tuple[str, str], ...] = (
    ("].image", gettext_noop("Image")),
    ("].args", gettext_noop("Arguments")),
    ("].env", gettext_noop("Environment variables")),
    ("qgpu-core", gettext_noop("GPU compute, % of a card")),
    ("qgpu-memory", gettext_noop("GPU memory, GiB")),
    ("limits.cpu", gettext_noop("CPU")),
    ("limits.memory", gettext_noop("Memory")),
    ("requests.cpu", gettext_noop("CPU")),
    ("requests.memory", gettext_noop("Memory")),
    ("spec.replicas", gettext_noop("Replicas")),
    ("volumeMounts", gettext_noop("Mounts")),
    ("template.spec.volumes", gettext_noop("Volumes")),
    ("readinessProbe", gettext_noop("Readiness probe")),
    ("startupProbe", gettext_noop("Startup probe")),
    ("livenessProbe", gettext_noop("Liveness probe")),
    ("image-tag", gettext_noop("Image tag")),
    ("spec.type", gettext_noop("Kind of Service")),
    ("spec.ports", gettext_noop("Ports")),
    ("volumeAttributes.path", gettext_noop("CFS folder")),
    ("volumeAttributes.host", gettext_noop("CFS mount target")),
    ("spec.capacity", gettext_noop("Capacity")),
    ("ReclaimPolicy", gettext_noop("When released")),
    ("volumeName", gettext_noop("Volume")),
    ("spec.strategy", gettext_noop("Rollout")),
    ("labels", gettext_noop("Labels")),
)
# What a person wants to see of an object that is not there yet; the rest follows from it.
TELLING: dict[str, tuple[str, ...]] = {
    "Deployment": (
        "spec.replicas",
        "spec.template.spec.containers.0.image",
        "spec.template.metadata.annotations.sdconsole~io/image-tag",
        "spec.template.spec.containers.0.args",
        "spec.template.spec.containers.0.env",
        "spec.template.spec.containers.0.resources.limits.tke~cloud~tencent~com/qgpu-core",
        "spec.template.spec.containers.0.resources.limits.tke~cloud~tencent~com/qgpu-memory",
        "spec.template.spec.containers.0.resources.limits.cpu",
        "spec.template.spec.containers.0.resources.limits.memory",
        "spec.template.spec.containers.0.readinessProbe.httpGet.path",
    ),
    "Service": ("spec.type", "spec.ports.0.port"),
    "PersistentVolume": (
        "spec.csi.volumeAttributes.host",
        "spec.csi.volumeAttributes.path",
        "spec.persistentVolumeReclaimPolicy",
    ),
    "PersistentVolumeClaim": ("spec.volumeName", "spec.accessModes"),
}


def word(path: str) -> str:
    """A msgid for the path; the last member if none is known."""
    for part, msgid in WORDS:
        if part in path:
            return msgid
    return path.rpartition(".")[2]


_VARIABLE = re.compile(r"\.env\[(?:name=)?([^]]+)\]")


def secret(path: str) -> bool:
    """True for the value of a variable that is named like a password."""
    found = _VARIABLE.search(path)
    return bool(found and SENSITIVE_KEY.search(found[1]))


def unfolded(path: str, value: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """(path, value, other): a whole list of variables as one line for each, all else as it is."""
    lists = [one for one in (value, other) if one is not None]
    if not path.endswith(".env") or not all(isinstance(one, list) for one in lists):
        yield path, value, other
        return
    left, right = ({one["name"]: one.get("value") for one in side or ()} for side in (value, other))
    for name in sorted({*left, *right}):
        yield f"{path}[{name}]", left.get(name), right.get(name)


def worth_telling(path: str) -> bool:
    """requests repeat limits, and bookkeeping labels tell nobody anything."""
    return ".requests" not in path and not path.startswith("metadata.labels")


def telling(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(path, value) of what matters in a new object."""
    for path in TELLING.get(manifest["kind"], ()):
        value: Any = manifest
        for step in path.split("."):
            name = step.replace("~", ".")
            if isinstance(value, list):
                value = value[int(name)] if len(value) > int(name) else None
            elif isinstance(value, Mapping):
                value = value.get(name)
            if value is None:
                break
        if value is not None:
            shown = path.replace(".0.", "[0].").replace("~", ".")
            yield shown, value


def creation_notes(manifest: Mapping[str, Any]) -> tuple[Say, ...]:
    if manifest["kind"] == "Service" and manifest["spec"]["type"] == "LoadBalancer":
        internal = "annotations" in manifest["metadata"]
        if internal:
            return (Say(gettext_noop("Buys a load balancer inside the VPC, billed by the hour.")),)
        text = gettext_noop("Buys a public load balancer: anybody on the internet can reach it.")
        return (Say(text),)
    return ()


def deletion_notes(manifest: Mapping[str, Any]) -> tuple[Say, ...]:
    if manifest["kind"] == "PersistentVolume":
        return (Say(gettext_noop("Only the binding goes: the files on CFS stay.")),)
    if manifest["kind"] == "Deployment":
        return (Say(gettext_noop("Its pods are stopped; pictures under way are lost.")),)
    if manifest["kind"] == "Service":
        return (Say(gettext_noop("Requests to it fail from then on.")),)
    return ()


def replacement_notes(manifest: Mapping[str, Any]) -> tuple[Say, ...]:
    if manifest["kind"] == "Deployment":
        return (Say(gettext_noop("All its pods stop at once and start again on the new volume.")),)
    if manifest["kind"] == "PersistentVolume":
        return (Say(gettext_noop("What differs can never be changed, so it is made again.")),)
    return (Say(gettext_noop("It is made again for the new volume; the files stay.")),)
