"""Environments and what discovery would have found, each valid with no arguments."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from django.utils import timezone

from apps.environments import readings
from apps.environments.discovery import Found
from apps.environments.facts import (
    AddonFacts,
    BucketFacts,
    ClusterFacts,
    FileSystemFacts,
    GatewayFacts,
    ImageFacts,
    ModerationFacts,
    NodeFacts,
    NodePoolFacts,
    PodFacts,
    RegistryFacts,
    VolumeFacts,
    VpcFacts,
)
from apps.environments.models import Environment, FindingKind, Reading
from apps.environments.products import Product

VPC = "vpc-demo0001"
CLUSTER = ClusterFacts("cls-demo0001", "sd-demo", "Running", "1.34.1", VPC, "GR", 2)
NODE = NodeFacts(
    "10.0.0.11",
    True,
    gpu_type="A10",
    cards=2,
    core_per_node=200,
    memory_gib_per_node=44,
    instance_type="PNV4.14XLARGE232",
    ip="10.0.0.11",
    cpu_cores=55.6,
    memory_gib=216.0,
)
POD = PodFacts(
    "anime-7c9f-x2kqp",
    "sd",
    "Running",
    True,
    node=NODE.name,
    card=0,
    core=50,
    memory_gib=10,
    labels={"app.kubernetes.io/instance": "anime"},
)
FILES = FileSystemFacts(
    "cfs-demo00001",
    "sd-models",
    "available",
    storage="SD",
    used_bytes=9 << 30,
    mount_state="available",
    mount_ip="10.0.0.112",
    fsid="demofsid",
    vpc_id=VPC,
)
REGISTRY = RegistryFacts(
    "tcr-demo0001", "sd-demo", "Running", "standard", "sd-demo.tencentcloudcr.com"
)
IMAGE = ImageFacts(
    REGISTRY.id,
    REGISTRY.domain,
    "aigc/stable-diffusion-webui",
    "1.10.1-cu121",
    "sha256:" + "ab" * 32,
    6_900_000_000,
    "2026-11-01T08:00:00+00:00",
)
GATEWAY = GatewayFacts(
    "gateway-de0a0001", "sd-demo", "Running", "2.5.1", VPC, "127.9.1.1:8000", "1c2g", 2
)
BUCKET = BucketFacts("sd-demo-1250000000", "ap-guangzhou", origins=("http://127.0.0.1:8000",))


def make_environment(**overrides: Any) -> Environment:
    """Not adopted, nothing read yet."""
    values: dict[str, Any] = {
        "name": "demo",
        "region": "ap-guangzhou",
        "secret_id": "AKIDxxxxxxxxxxxxxxxx",
        "secret_key": "top-secret-key-0001",
        "callback_token": f"token-{overrides.get('name', 'demo')}",
    }
    environment = Environment.objects.create(**{**values, **overrides})
    readings.open_readings(environment)
    return environment


def make_adopted(**overrides: Any) -> Environment:
    """Everything of `world()` adopted and read."""
    values: dict[str, Any] = {
        "cluster_id": CLUSTER.id,
        "vpc_id": VPC,
        "cfs_id": FILES.id,
        "cfs_mount_ip": FILES.mount_ip,
        "cfs_fsid": FILES.fsid,
        "tcr_id": REGISTRY.id,
        "tcr_domain": REGISTRY.domain,
        "gateway_id": GATEWAY.id,
        "gateway_address": GATEWAY.address,
        "bucket": BUCKET.name,
    }
    environment = make_environment(**{**values, **overrides})
    stock(environment)
    return environment


def world() -> dict[Product, list[Found]]:
    """What the demo region holds."""
    nodes = [NODE, replace(NODE, name="10.0.0.12", ip="10.0.0.12")]
    pods = [POD, replace(POD, name="anime-7c9f-b7hhd", card=1)]
    kinds = FindingKind
    return {
        Product.STS: [],
        Product.VPC: [Found(kinds.VPC, VPC, "demo", VpcFacts(VPC, "demo", "10.0.0.0/16"))],
        Product.TKE: [
            Found(kinds.CLUSTER, CLUSTER.id, CLUSTER.name, CLUSTER),
            Found(
                kinds.NODE_POOL,
                "np-demo00001",
                "gpu",
                NodePoolFacts("np-demo00001", "gpu", CLUSTER.id, "running", "Native", 2, 2),
            ),
            *(
                Found(
                    kinds.ADDON,
                    f"{CLUSTER.id}/{name}",
                    name,
                    AddonFacts(name, CLUSTER.id, "1.1.10", "Succeeded"),
                )
                for name in ("qgpu", "cfs", "cos")
            ),
        ],
        Product.KUBE: [
            *(Found(kinds.NODE, one.name, one.name, one) for one in nodes),
            *(Found(kinds.POD, f"sd/{one.name}", one.name, one) for one in pods),
            Found(
                kinds.VOLUME,
                "sdc-models",
                "sdc-models",
                VolumeFacts("sdc-models", "Bound", "100Gi", path="/models/Stable-diffusion"),
            ),
        ],
        Product.CFS: [Found(kinds.FILE_SYSTEM, FILES.id, FILES.name, FILES)],
        Product.TCR: [
            Found(kinds.REGISTRY, REGISTRY.id, REGISTRY.name, REGISTRY),
            Found(kinds.IMAGE, "image-1", f"{IMAGE.repository}:{IMAGE.tag}", IMAGE),
        ],
        Product.TSE: [Found(kinds.GATEWAY, GATEWAY.id, GATEWAY.name, GATEWAY)],
        Product.COS: [Found(kinds.BUCKET, BUCKET.name, BUCKET.name, BUCKET)],
        Product.CI: [
            Found(kinds.MODERATION, "biz1", "default", ModerationFacts("biz1", "default", True))
        ],
    }


def stock(environment: Environment, **replaced: list[Found]) -> None:
    """Write down `world()` as if just read; `tse=[…]` replaces one product's findings."""
    for product, found in world().items():
        now = timezone.now()
        Reading.objects.filter(environment=environment, product=product).update(started_at=now)
        reading = Reading.objects.select_related("environment").get(
            environment=environment, product=product
        )
        found = replaced.get(product.value, found)
        readings.write_found(reading, now, found, time.monotonic())
