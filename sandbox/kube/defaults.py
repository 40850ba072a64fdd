"""What the server fills in when a body does not say, per kind (recorded from a real server)."""

import base64
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def _container(container: Document) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    image = container.get("image", "").rsplit("/", 1)[-1]
    latest = "@" not in image and (":" not in image or image.endswith(":latest"))
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for env in container.get("env", []):
        reference = env.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for probe_name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe_name in container:
            _probe(container[probe_name])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict) and "httpGet" in hook:
            _http_get(hook["httpGet"])


def _probe(probe: Document) -> None:
    if "httpGet" in probe:
        _http_get(probe["httpGet"])
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)


def _http_get(action: Document) -> None:
    action.setdefault("path", "/")
    action.setdefault("scheme", "HTTP")


def _volume(volume: Document) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if source in volume:
            volume[source].setdefault("defaultMode", 420)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for part in volume.get("projected", {}).get("sources", []):
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def pod_spec(spec: Document) -> None:
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        _container(container)
    for volume in spec.get("volumes", []):
        _volume(volume)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _template(holder: Document) -> None:
    template = holder.setdefault("template", {})
    if "spec" in template:
        pod_spec(template["spec"])


def _pod(body: Document) -> None:
    spec = body.setdefault("spec", {})
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        limits = container["resources"].get("limits")
        if limits:
            requests = container["resources"].setdefault("requests", {})
            for name, amount in limits.items():
                requests.setdefault(name, amount)


def _deployment(body: Document) -> None:
    spec = body.setdefault("spec", {})
    _template(spec)
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replica_set(body: Document) -> None:
    spec = body.setdefault("spec", {})
    _template(spec)
    spec.setdefault("replicas", 1)


def job_spec(spec: Document) -> None:
    _template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    careful = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", careful)


def _cron_job(body: Document) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    template = job.setdefault("spec", {}).setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _service(body: Document) -> None:
    spec = body.setdefault("spec", {})
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    else:
        spec.pop("sessionAffinityConfig", None)
    if spec["type"] in ("LoadBalancer", "NodePort"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")


def _volume_spec(body: Document) -> None:
    body.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _persistent_volume(body: Document) -> None:
    _volume_spec(body)
    body["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
    if body["spec"].get("storageClassName") == "":
        del body["spec"]["storageClassName"]


def _claim(body: Document) -> None:
    _volume_spec(body)
    body["spec"].setdefault("resources", {})


def _storage_class(body: Document) -> None:
    body.setdefault("reclaimPolicy", "Delete")
    body.setdefault("volumeBindingMode", "Immediate")


def _secret(body: Document) -> None:
    plain = body.pop("stringData", None) or {}
    for name, text in plain.items():
        body.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()
    body.setdefault("type", "Opaque")


UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def _autoscaler(body: Document) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    spec.setdefault("scaleTargetRef", {"kind": "", "name": ""})
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec.setdefault("metrics", [{"type": "Resource", "resource": cpu}])
    if "behavior" in spec:
        for direction, values in (("scaleUp", UP), ("scaleDown", DOWN)):
            rules = spec["behavior"].setdefault(direction, {})
            for name, value in values.items():
                rules.setdefault(name, [*value] if isinstance(value, list) else value)


def _namespace(body: Document) -> None:
    labels = body["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = body["metadata"].get("name", "")


def _role_binding(body: Document) -> None:
    for subject in body.get("subjects", []):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
    body.get("roleRef", {}).setdefault("apiGroup", "rbac.authorization.k8s.io")


def _endpoint_slice(body: Document) -> None:
    for port in body.get("ports", []):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
    for endpoint in body.get("endpoints", []):
        endpoint.setdefault("conditions", {})


def _endpoints(body: Document) -> None:
    for subset in body.get("subsets", []):
        for port in subset.get("ports", []):
            port.setdefault("protocol", "TCP")


def _event(body: Document) -> None:
    body.setdefault("source", {})


FILL: dict[str, Callable[[Document], None]] = {
    "namespaces": _namespace,
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "jobs": lambda body: job_spec(body.setdefault("spec", {})),
    "cronjobs": _cron_job,
    "services": _service,
    "persistentvolumes": _persistent_volume,
    "persistentvolumeclaims": _claim,
    "storageclasses": _storage_class,
    "secrets": _secret,
    "horizontalpodautoscalers": _autoscaler,
    "rolebindings": _role_binding,
    "endpointslices": _endpoint_slice,
    "endpoints": _endpoints,
    "events": _event,
}


def fill(plural: str, body: Document) -> None:
    """Fill in `body` in place."""
    if plural in FILL:
        FILL[plural](body)
