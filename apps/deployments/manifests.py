"""A wish as Kubernetes objects.  Pure: same wish, same manifests.

Traps kept away (see the reference on Kubernetes): PVs with the empty class, or a billed file system
would be made; vers as a string; the port said even with --nowebui, whose own default is 7861; no
surge pod on full cards; the selector by id alone, because it can never change.
"""

from dataclasses import dataclass
from typing import Any

from apps.deployments.spec import PORT, ROOT, DeploymentSpec

Manifest = dict[str, Any]
OWNER_LABEL = "sdconsole.io/deployment-id"
QGPU_CORE = "tke.cloud.tencent.com/qgpu-core"
QGPU_MEMORY = "tke.cloud.tencent.com/qgpu-memory"
CHECKPOINTS = "models/Stable-diffusion"
CFS_DRIVER = "com.tencent.cloud.csi.cfs"


@dataclass(frozen=True)
class Place:
    """Where the objects go: what of the environment they need."""

    namespace: str
    registry: str
    cfs_host: str
    cfs_fsid: str


def objects(pk: int, name: str, spec: DeploymentSpec, place: Place) -> tuple[Manifest, ...]:
    """Every object of the workload, what others stand on first."""
    found: list[Manifest] = []
    for folder in folders(spec):
        found += [volume(pk, name, folder, place), claim(pk, name, folder, place)]
    return (*found, workload(pk, name, spec, place), service(pk, name, spec, place))


def folders(spec: DeploymentSpec) -> tuple[str, ...]:
    return (CHECKPOINTS, *(folder for folder in spec.folders if folder != CHECKPOINTS))


def labels(pk: int, name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "stable-diffusion-webui",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": "sd",
        "app.kubernetes.io/managed-by": "sd-console",
        OWNER_LABEL: str(pk),
    }


def slug(folder: str) -> str:
    return folder.rpartition("/")[2].lower()


def claim_name(name: str, folder: str) -> str:
    return f"{name}-{slug(folder)}"


def volume_name(pk: int, name: str, folder: str, place: Place) -> str:
    """PVs are cluster-wide: the namespace and our id keep two of one name apart.

    Never cut short (253 are allowed): cut names of two folders could be the same."""
    return f"sdc-{place.namespace}-{pk}-{name}-{slug(folder)}"


def volume(pk: int, name: str, folder: str, place: Place) -> Manifest:
    handle = volume_name(pk, name, folder, place)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": handle, "labels": labels(pk, name)},
        "spec": {
            "capacity": {"storage": "100Gi"},  # CFS does not enforce it; only claims compare it
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": place.namespace, "name": claim_name(name, folder)},
            "csi": {
                "driver": CFS_DRIVER,
                "volumeHandle": handle,
                "volumeAttributes": {
                    "host": place.cfs_host,
                    "path": f"/{folder}",
                    "vers": "3",
                    "fsid": place.cfs_fsid,
                },
            },
        },
    }


def claim(pk: int, name: str, folder: str, place: Place) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(name, folder),
            "namespace": place.namespace,
            "labels": labels(pk, name),
        },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": volume_name(pk, name, folder, place),
            "resources": {"requests": {"storage": "100Gi"}},
        },
    }


def arguments(spec: DeploymentSpec) -> list[str]:
    checkpoint = f"{ROOT}/{CHECKPOINTS}/{spec.checkpoint_file}"
    return ["--listen", "--port", str(PORT), *spec.flags, "--ckpt", checkpoint, *spec.extra_args]


def limits(spec: DeploymentSpec) -> dict[str, str]:
    """Limits alone: the API copies them to requests; extended resources are never overcommitted."""
    found = {
        "cpu": f"{spec.cpu:g}",
        "memory": f"{spec.memory_gib}Gi",
        QGPU_CORE: str(spec.slice.core),
    }
    if spec.slice.memory_gib:
        found[QGPU_MEMORY] = str(spec.slice.memory_gib)
    return found


def probes(spec: DeploymentSpec) -> dict[str, Any]:
    # /internal/ping does not exist without the page; /docs answers in both modes and needs no auth.
    path = "/docs" if "--nowebui" in spec.flags else "/internal/ping"
    http = {"path": path, "port": PORT}
    return {
        "startupProbe": {
            "httpGet": http,
            "periodSeconds": 5,
            "failureThreshold": 180,
            "timeoutSeconds": 5,
        },
        "readinessProbe": {
            "httpGet": http,
            "periodSeconds": 5,
            "failureThreshold": 3,
            "timeoutSeconds": 5,
        },
        # Lenient: loading a model holds the interpreter for long stretches.
        "livenessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 30, "failureThreshold": 6},
    }


def workload(pk: int, name: str, spec: DeploymentSpec, place: Place) -> Manifest:
    mounts = [
        {"name": slug(folder), "mountPath": f"{ROOT}/{folder}", "readOnly": True}
        for folder in folders(spec)
    ]
    volumes: list[dict[str, Any]] = [
        {"name": slug(folder), "persistentVolumeClaim": {"claimName": claim_name(name, folder)}}
        for folder in folders(spec)
    ]
    container = {
        "name": "webui",
        "image": f"{place.registry}/{spec.image.repository}@{spec.image.digest}",
        "args": arguments(spec),
        "env": [{"name": key, "value": value} for key, value in sorted(spec.environment.items())],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {"limits": limits(spec)},
        "volumeMounts": [*mounts, {"name": "shm", "mountPath": "/dev/shm"}],
        **probes(spec),
    }
    if not spec.environment:
        del container["env"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": place.namespace, "labels": labels(pk, name)},
        "spec": {
            "replicas": spec.replicas,
            "selector": {"matchLabels": {OWNER_LABEL: str(pk)}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "progressDeadlineSeconds": spec.deadline_minutes * 60,
            "template": {
                "metadata": {
                    "labels": labels(pk, name),
                    "annotations": {"sdconsole.io/image-tag": spec.image.tag},
                },
                "spec": {
                    "terminationGracePeriodSeconds": 120,
                    "containers": [container],
                    "volumes": [*volumes, {"name": "shm", "emptyDir": {"medium": "Memory"}}],
                },
            },
        },
    }


def service(pk: int, name: str, spec: DeploymentSpec, place: Place) -> Manifest:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": place.namespace,
        "labels": labels(pk, name),
    }
    if spec.service.type == "Internal":
        metadata["annotations"] = {
            "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid": spec.service.subnet_id
        }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP" if spec.service.type == "ClusterIP" else "LoadBalancer",
            "selector": {OWNER_LABEL: str(pk)},
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }
