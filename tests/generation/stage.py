"""A stage for generation tests: a sandbox with one web UI deployment behind its gateway.

What lies in the cloud is made once, by the adapters; the rows that stand for it are made per test.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from apps.deployments import manifests
from apps.deployments.manifests import Place
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec
from apps.environments.models import Environment
from apps.gateway.models import GatewayService, Route, ServiceSource
from apps.registry.models import Model, Version
from cloud import cfs, tcr, tke, tse, tse_routes, tse_rules, tse_services
from cloud.access import Access
from cloud.cos import CosClient
from cloud.kube import KubeClient
from cloud.types import RateLimit, RouteSpec, ServiceSpec
from tests.cloud.conftest import access_to

CLUSTER, GATEWAY, BUCKET = "cls-demo0001", "gateway-de0a0001", "sd-demo-1250000000"
HOST = "anime.example.com"
SHAPE = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
PATIENCE_S = 60.0
ARRIVED = {"revision": 1, "generation": 1, "observed_generation": 1, "phase": "ready"}
Found = TypeVar("Found")


@dataclass(frozen=True)
class Stage:
    """What there is in the sandbox.  `files`: the folder of the checkpoints on CFS."""

    access: Access
    kubeconfig: str
    files: Path
    sha256: str
    spec: dict[str, Any]
    place: Place
    address: str  # of the gateway, ip:port
    route_id: str

    @property
    def cos(self) -> CosClient:
        return CosClient(self.access, BUCKET)

    def limit(self, most: int) -> None:
        """At most `most` requests an hour through the gateway: no window ends during a test."""
        limit = RateLimit((("hour", most),), by="service")
        tse_rules.rate_limit_create(self.access, GATEWAY, "route", self.route_id, limit)

    def unlimit(self) -> None:
        tse_rules.rate_limit_delete(self.access, GATEWAY, "route", self.route_id)


def eventually(look: Callable[[], Found], wanted: Callable[[Found], bool]) -> Found:
    end = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if wanted(found):
            return found
        assert time.monotonic() < end, f"It never came to be; at last: {found!r}"
        time.sleep(0.05)


def checkpoint(path: Path, mark: str) -> str:
    """A small SD 1.5 checkpoint; its sha256."""
    size = 320 * 768 * 2
    header = {
        "__metadata__": {"mark": mark},
        SHAPE: {"dtype": "F16", "shape": [320, 768], "data_offsets": [0, size]},
    }
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + bytes(size)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def build(endpoints: dict[str, str]) -> Stage:
    access = access_to(endpoints)
    kubeconfig = tke.kubeconfig(access, CLUSTER)
    assert kubeconfig
    (disk,) = cfs.file_systems(access)
    (mount,) = cfs.mount_targets(access, disk.id)
    (registry,) = tcr.registries(access)
    image = tcr.images(access, registry.id, "aigc", "stable-diffusion-webui")[0]
    files = Path(endpoints["cfs_root"]) / disk.id / "models/Stable-diffusion"
    sha256 = checkpoint(files / "sd15-v1.safetensors", "one")
    checkpoint(files / "other-v1.safetensors", "two")
    spec = {
        "image": {
            "repository": "aigc/stable-diffusion-webui",
            "tag": image.tag,
            "digest": image.digest,
        },
        "checkpoint": 1,
        "checkpoint_file": "sd15-v1.safetensors",
        "slice": {"core": 50, "memory_gib": 10},
        "replicas": 1,
    }
    place = Place("sd", registry.domain, mount.ip, mount.fsid)
    kube = KubeClient(kubeconfig)
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sd"}})
    for manifest in manifests.objects(1, "anime", DeploymentSpec.model_validate(spec), place):
        kube.apply(manifest)
    eventually(
        lambda: kube.get("apps/v1", "deployments", "anime", "sd"),
        lambda one: bool(one and one.get("status", {}).get("availableReplicas") == 1),
    )
    address, route_id = opened(access)
    return Stage(access, kubeconfig, files, sha256, spec, place, address, route_id)


def opened(access: Access) -> tuple[str, str]:
    """Put it behind the gateway; the gateway's address, and the route's id."""
    if tse.source(access, GATEWAY, CLUSTER) is None:
        tse.source_create(access, GATEWAY, CLUSTER, "sd-demo")
    service = ServiceSpec(
        "anime",
        source_id=CLUSTER,
        namespace="sd",
        service_name="anime",
        port=7860,
        timeout_ms=600_000,
        retries=0,
    )
    made = tse_services.service_create(access, GATEWAY, service)
    tse_routes.route_create(access, GATEWAY, RouteSpec("anime", made.id, hosts=(HOST,)))
    route = tse_routes.route(access, GATEWAY, "anime")
    assert route is not None
    gateway = tse.gateway(access, GATEWAY)
    assert gateway is not None
    address = tse.public_addresses(access, GATEWAY)[0]
    return f"{address}:{gateway.http_port or 8000}", route.id


def make_deployment(stage: Stage, **overrides: Any) -> Deployment:
    """The rows that stand for what the stage has: environment, checkpoint, deployment."""
    access = stage.access
    environment, _new = Environment.objects.get_or_create(
        name="demo",
        defaults={
            "region": access.region,
            "secret_id": access.secret_id,
            "secret_key": access.secret_key,
            "api_endpoint": access.api_endpoint,
            "api_scheme": access.api_scheme,
            "cos_endpoint": access.cos_endpoint,
            "cos_scheme": access.cos_scheme,
            "cluster_id": CLUSTER,
            "gateway_id": GATEWAY,
            "gateway_address": stage.address,
            "bucket": BUCKET,
            "kubeconfig": stage.kubeconfig,
        },
    )
    model, _new = Model.objects.get_or_create(name="sd15", type="checkpoint")
    version, _new = Version.objects.get_or_create(
        model=model,
        number=1,
        environment=environment,
        defaults={
            "file_name": "sd15.safetensors",
            "size_bytes": 1,
            "phase": "ready",
            "sha256": stage.sha256,
        },
    )
    values: dict[str, Any] = {
        "environment": environment,
        "name": "anime",
        "checkpoint": version,
        "spec": stage.spec,
        **ARRIVED,
        **overrides,
    }
    return Deployment.objects.create(**values)


def make_route(deployment: Deployment) -> Route:
    """The rows that stand for the stage's way through the gateway."""
    on = {"environment": deployment.environment, "gateway_id": GATEWAY, **ARRIVED}
    source, _new = ServiceSource.objects.get_or_create(
        environment=deployment.environment,
        gateway_id=GATEWAY,
        cluster_id=CLUSTER,
        defaults={"spec": {"name": "sd-demo"}, **ARRIVED},
    )
    name = deployment.name
    wish = {"namespace": "sd", "kube_service": name, "port": 7860}
    service = GatewayService.objects.create(
        source=source, deployment=deployment, name=name, external_name=name, spec=wish, **on
    )
    return Route.objects.create(
        service=service, name=name, external_name=name, spec={"hosts": [HOST]}, **on
    )
