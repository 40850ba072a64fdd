"""Bodies the tests send, each valid as it is."""

from typing import Any

Document = dict[str, Any]
IMAGE = "sd-demo.tencentcloudcr.com/aigc/stable-diffusion-webui:1.10.1"
CORE = "tke.cloud.tencent.com/qgpu-core"
MEMORY = "tke.cloud.tencent.com/qgpu-memory"


def slice_of(core: int, memory: int | None = None) -> Document:
    limits = {CORE: str(core)}
    if memory is not None:
        limits[MEMORY] = str(memory)
    return {"limits": limits}


def container(**changes: Any) -> Document:
    """A web UI that is ready once it answers."""
    return {
        "name": "webui",
        "image": IMAGE,
        "ports": [{"containerPort": 7860, "name": "http"}],
        "readinessProbe": {
            "httpGet": {"path": "/internal/ping", "port": "http"},
            "periodSeconds": 1,
        },
        **changes,
    }


def deployment(name: str = "web", replicas: int = 1, **changes: Any) -> Document:
    """`changes` go into the container, but for `spec` (Deployment) and `pod` (pod spec)."""
    spec, pod = changes.pop("spec", {}), changes.pop("pod", {})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container(**changes)], **pod},
            },
            **spec,
        },
    }


def service(name: str = "web", **spec: Any) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"app": name},
            "ports": [{"port": 8080, "targetPort": "http"}],  # below 1024 only root may listen
            **spec,
        },
    }


def job(name: str, script: str, **spec: Any) -> Document:
    pod = spec.pop("pod", {})
    runs = {"name": "c", "image": "busybox:1", "command": ["sh", "-c", script]}
    runs.update(spec.pop("container", {}))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [runs], **pod}},
            **spec,
        },
    }


def volume(name: str = "models", **csi: Any) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "csi": {
                "driver": "com.tencent.cloud.csi.cfs",
                "volumeHandle": name,
                "volumeAttributes": {"host": "127.9.3.1", "path": "/models", "vers": "3"},
                **csi,
            },
        },
    }


def claim(name: str = "models", **spec: Any) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": name,
            "resources": {"requests": {"storage": "10Gi"}},
            **spec,
        },
    }


def mounted(claim_name: str = "models", path: str = "/data") -> tuple[Document, Document]:
    """(pod spec part, container part) that mount a claim."""
    source = {"persistentVolumeClaim": {"claimName": claim_name}}
    return (
        {"volumes": [{"name": "v", **source}]},
        {"volumeMounts": [{"name": "v", "mountPath": path}]},
    )
