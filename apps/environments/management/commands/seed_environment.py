"""Bring the region behind an endpoints file under management: make, discover, adopt.

Everything is done by the calls a person's clicks would make; run again, it changes nothing.
"""

import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.core import plans
from apps.core import reconcile as loop
from apps.core.models import Plan, PlanStatus
from apps.environments import readings, selectors, services
from apps.environments.choices import Choice
from apps.environments.facts import (
    BucketFacts,
    ClusterFacts,
    FileSystemFacts,
    GatewayFacts,
    RegistryFacts,
)
from apps.environments.models import Environment, FindingKind, Preparation, Reading

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Endpoints:
    """`api` and `cos` are host:port; `cfs_root` is where the workers see all file systems."""

    region: str
    secret_id: str
    secret_key: str
    api: str
    cos: str
    scheme: str
    cfs_root: str = ""

    @classmethod
    def read(cls, path: Path) -> "Endpoints":
        try:
            stored = json.loads(path.read_text())
            return cls(**{name: stored[name] for name in cls.__dataclass_fields__})
        except OSError as exc:
            raise CommandError(f"Cannot read {path}: {exc.strerror}.") from exc
        except (KeyError, TypeError, ValueError) as exc:
            raise CommandError(f"{path} is not an endpoints file: {exc}.") from exc


class Command(BaseCommand):
    help = "Make the environment of an endpoints file, read its region and adopt what is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--endpoints", type=Path, required=True, help="JSON file")
        parser.add_argument("--name", default="demo")

    def handle(self, *args: Any, **options: Any) -> None:
        endpoints = Endpoints.read(options["endpoints"])
        environment = made(options["name"], endpoints)
        look(environment)
        plan = adopt(environment, endpoints)
        look(environment)
        carry_out(environment, plan)
        self.stdout.write(f"environment {environment.name}: {described(environment)}")


def made(name: str, endpoints: Endpoints) -> Environment:
    """The environment, made anew or pointed at the endpoints of now."""
    found = Environment.objects.filter(name=name).first()
    if found is None:
        return services.environment_create(
            person=None,
            name=name,
            region=endpoints.region,
            secret_id=endpoints.secret_id,
            secret_key=endpoints.secret_key,
            stage="dev",
            api_endpoint=endpoints.api,
            api_scheme=endpoints.scheme,
            cos_endpoint=endpoints.cos,
            cos_scheme=endpoints.scheme,
        )
    old = (found.secret_id, found.secret_key, found.api_endpoint, found.cos_endpoint)
    new = (endpoints.secret_id, endpoints.secret_key, endpoints.api, endpoints.cos)
    if old != new:
        services.environment_reach(
            environment=found,
            person=None,
            api_endpoint=endpoints.api,
            api_scheme=endpoints.scheme,
            cos_endpoint=endpoints.cos,
            cos_scheme=endpoints.scheme,
        )
        services.environment_credentials(
            environment=found,
            person=None,
            secret_id=endpoints.secret_id,
            secret_key=endpoints.secret_key,
        )
    return found


def look(environment: Environment) -> None:
    """Read every product now, here.  Raises CommandError if the region cannot be read."""
    readings.open_readings(environment)
    readings.ask_again(environment)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        readings.look_at_due(environment.pk)
        asked = Reading.objects.filter(environment=environment)
        if not any(one.awaited for one in asked) or time.monotonic() > deadline:
            break
        time.sleep(0.2)  # a worker that is up already has some of them
    failed = Reading.objects.filter(environment=environment).exclude(error={})
    broken = [f"{one.product}: {one.error_say} {one.error_raw}" for one in failed]
    if broken:
        raise CommandError("Some products could not be read.\n" + "\n".join(broken))


def adopt(environment: Environment, endpoints: Endpoints) -> Plan | None:
    """Adopt the first running one of everything; what was adopted before is kept."""
    clusters = selectors.facts(environment, FindingKind.CLUSTER, ClusterFacts)
    files = selectors.facts(environment, FindingKind.FILE_SYSTEM, FileSystemFacts)
    registries = selectors.facts(environment, FindingKind.REGISTRY, RegistryFacts)
    gateways = selectors.facts(environment, FindingKind.GATEWAY, GatewayFacts)
    buckets = selectors.facts(environment, FindingKind.BUCKET, BucketFacts)
    environment.refresh_from_db()
    cluster_id = environment.cluster_id or first(one.id for one in clusters if one.running)
    if not cluster_id:
        raise CommandError("The region has no running cluster.")
    cfs_id = environment.cfs_id or first(one.id for one in files if one.available)
    mount = environment.cfs_mount_path
    if cfs_id and endpoints.cfs_root:
        mount = str(Path(endpoints.cfs_root) / cfs_id)
    choice = Choice(
        cluster_id=cluster_id,
        cfs_id=cfs_id,
        tcr_id=environment.tcr_id or first(one.id for one in registries if one.running),
        gateway_id=environment.gateway_id or first(one.id for one in gateways if one.running),
        bucket=environment.bucket
        or first(one.name for one in buckets if one.region == environment.region),
        namespace=environment.namespace,
    )
    # The command is itself the confirmation: the plan of what it needs is applied at once.
    return services.environment_adopt(
        environment=environment,
        person=None,
        choice=choice,
        policy="auto",
        cfs_mount_path=mount,
        trigger="api",
    )


def first(ids: Any) -> str:
    return next(iter(ids), "")


def carry_out(environment: Environment, plan: Plan | None) -> None:
    """Compute and carry out the plan here: no worker may be up yet; one that is does no harm."""
    if plan is not None:
        plans.plan_compute(plan.pk)
        plan.refresh_from_db()
        if plan.status == PlanStatus.FAILED:
            raise CommandError(str(plan.error_say))
    row = Preparation.objects.filter(environment=environment, due_at__lte=timezone.now()).first()
    if row is not None:
        loop.run("preparation", row.pk)
        readings.look_at_due(environment.pk)


def described(environment: Environment) -> str:
    environment.refresh_from_db()
    return ", ".join(
        word
        for word in (
            environment.cluster_id,
            environment.cfs_id,
            environment.tcr_id,
            environment.gateway_id,
            environment.bucket,
        )
        if word
    )
