"""Rules of pods and pod templates."""

import re
from typing import Any

from sandbox.kube.causes import LABEL, SAY_LABEL, Causes, check_labels
from sandbox.kube.quantity import canonical, parse

Document = dict[str, Any]
ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
PULL = ["Always", "IfNotPresent", "Never"]


def check_spec(spec: Document, field: str, causes: Causes) -> None:
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes", [])):
        at = f"{field}.volumes[{index}]"
        _check_name(volume.get("name", ""), f"{at}.name", volumes, causes)
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and not claim.get("claimName"):
            causes.required(f"{at}.persistentVolumeClaim.claimName")
        if len(volume) > 2:
            extra = sorted(set(volume) - {"name"})[1]
            causes.forbidden(f"{at}.{extra}", "may not specify more than 1 volume type")
    names: set[str] = set()
    if not spec.get("containers"):
        causes.required(f"{field}.containers")
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group, [])):
            check_container(container, f"{field}.{group}[{index}]", names, volumes, causes)
    policies = ["Always", "OnFailure", "Never"]
    if spec.get("restartPolicy") not in policies:
        causes.unsupported(f"{field}.restartPolicy", spec.get("restartPolicy"), policies)
    dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
    if spec.get("dnsPolicy") not in dns:
        causes.unsupported(f"{field}.dnsPolicy", spec.get("dnsPolicy"), dns)
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if grace < 0:
        say = "must be greater than or equal to 0"
        causes.invalid(f"{field}.terminationGracePeriodSeconds", grace, say)
    check_labels(spec.get("nodeSelector", {}), f"{field}.nodeSelector", causes)


def _check_name(name: str, field: str, seen: set[str], causes: Causes) -> None:
    if not name:
        causes.required(field)
    elif not LABEL.fullmatch(name):
        causes.invalid(field, name, SAY_LABEL)
    elif name in seen:
        causes.duplicate(field, name)
    seen.add(name)


def check_container(
    container: Document, field: str, names: set[str], volumes: set[str], causes: Causes
) -> None:
    _check_name(container.get("name", ""), f"{field}.name", names, causes)
    if not container.get("image"):
        causes.required(f"{field}.image")
    if container.get("imagePullPolicy") not in PULL:
        causes.unsupported(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), PULL)
    for index, port in enumerate(container.get("ports", [])):
        at = f"{field}.ports[{index}]"
        number = port.get("containerPort", 0)
        if not number:
            causes.required(f"{at}.containerPort")
        elif not 0 < number < 65536:
            say = "must be between 1 and 65535, inclusive"
            causes.invalid(f"{at}.containerPort", number, say)
        if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
            causes.unsupported(f"{at}.protocol", port.get("protocol"), ["SCTP", "TCP", "UDP"])
    for index, env in enumerate(container.get("env", [])):
        at = f"{field}.env[{index}]"
        if not env.get("name"):
            causes.required(f"{at}.name")
        elif not ENV_NAME.fullmatch(env["name"]):
            causes.invalid(f"{at}.name", env["name"], "a valid environment variable name is needed")
        if env.get("value") and "valueFrom" in env:
            causes.invalid(f"{at}.valueFrom", "", "may not be specified when `value` is not empty")
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts", [])):
        at = f"{field}.volumeMounts[{index}]"
        if not mount.get("name"):
            causes.required(f"{at}.name")
        elif mount["name"] not in volumes:
            causes.missing(f"{at}.name", mount["name"])
        if not mount.get("mountPath"):
            causes.required(f"{at}.mountPath")
        elif mount["mountPath"] in paths:
            causes.invalid(f"{at}.mountPath", mount["mountPath"], "must be unique")
        paths.add(mount.get("mountPath", ""))
    check_resources(container.get("resources", {}), f"{field}.resources", causes)
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind in container:
            _check_probe(container[kind], f"{field}.{kind}", kind, causes)


def _check_probe(probe: Document, field: str, kind: str, causes: Causes) -> None:
    handlers = [name for name in ("httpGet", "tcpSocket", "exec", "grpc") if name in probe]
    if not handlers:
        causes.required(field, "must specify a handler type")
    for handler in handlers[1:]:
        causes.forbidden(f"{field}.{handler}", "may not specify more than 1 handler type")
    if kind != "readinessProbe" and probe["successThreshold"] != 1:
        causes.invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")
    for name in ("timeoutSeconds", "periodSeconds", "failureThreshold"):
        if probe[name] < 1:
            causes.invalid(f"{field}.{name}", probe[name], "must be greater than 0")


def extended(name: str) -> bool:
    """An extended resource: counted in whole units and never overcommitted."""
    return "/" in name and not name.startswith("kubernetes.io/")


def check_resources(resources: Document, field: str, causes: Causes) -> None:
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if extended(name) and parse(amount).denominator != 1:
                causes.invalid(f"{field}.{group}[{name}]", amount, "must be an integer")
            if parse(amount) < 0:
                say = "must be greater than or equal to 0"
                causes.invalid(f"{field}.{group}[{name}]", amount, say)
    for name, amount in requests.items():
        if name in limits:
            if extended(name) and parse(amount) != parse(limits[name]):
                say = f"must be equal to {name} limit of {canonical(limits[name])}"
                causes.invalid(f"{field}.requests", amount, say)
            elif parse(amount) > parse(limits[name]):
                say = f"must be less than or equal to {name} limit of {canonical(limits[name])}"
                causes.invalid(f"{field}.requests", amount, say)
        elif extended(name):
            causes.required(f"{field}.limits", "Limit must be set for non overcommitable resources")
