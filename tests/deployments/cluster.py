"""A real sandbox process with its cluster under management, and a second pair of hands in it."""

import json
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.core import plans, reconcile
from apps.core.models import Plan, Run
from apps.core.phases import Phase
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.environments import readings
from apps.environments import selectors as environments
from apps.environments.clients import kube_for
from apps.environments.models import Environment
from apps.registry.models import Version
from tests.deployments.factories import make_version, make_wish
from tests.loop.checkpoint import write_checkpoint

SETTLE_S = 60.0


class Cluster:
    """What tests do with the cluster of one environment; every wait has a deadline."""

    def __init__(self, endpoints: dict[str, str], person: Any, folder: Path) -> None:
        path = folder / "endpoints.json"
        path.write_text(json.dumps(endpoints))
        call_command("seed_environment", endpoints=path, stdout=StringIO())
        self.environment = Environment.objects.get(name="demo")
        self.person = person
        self.kube = kube_for(self.environment)
        self.image = environments.images(self.environment)[0]
        self.other_image = environments.images(self.environment)[1]

    def published(self, number: int = 1) -> Version:
        """A checkpoint that really lies on the file system."""
        version = make_version(self.environment, number=number)
        path = Path(self.environment.cfs_mount_path) / version.folder / version.file_on_disk
        if not path.exists():
            write_checkpoint(path, size_mib=1, seed=number)
        return version

    def wish(self, version: Version, **overrides: Any) -> dict[str, Any]:
        image = {"repository": self.image.repository, "tag": self.image.tag}
        return make_wish(version, **{"image": image, "folders": ["models/Lora"], **overrides})

    def create(self, name: str, version: Version, **overrides: Any) -> Deployment:
        """Declare and apply; nothing was carried out yet."""
        readings.ask_again(self.environment)
        readings.look_at_due(self.environment.pk)
        self.apply(
            services.deployment_create(
                person=self.person,
                environment=self.environment,
                name=name,
                wish=self.wish(version, **overrides),
            )
        )
        return Deployment.objects.get(name=name)

    def change(self, row: Deployment, **overrides: Any) -> Run:
        row.refresh_from_db()
        readings.ask_again(self.environment)
        readings.look_at_due(self.environment.pk)
        wish = {**row.spec, **overrides}
        return self.apply(services.deployment_change(person=self.person, row=row, wish=wish))

    def apply(self, plan: Plan) -> Run:
        plans.plan_compute(plan.pk)
        plan.refresh_from_db()
        assert plan.status == "ready", str(plan.error_say)
        plans.plan_approve(plan, self.person)
        plans.plan_start(plan.pk)
        return Run.objects.get(plan=plan)

    def until(self, row: Deployment, arrived: Callable[[Deployment], bool]) -> Deployment:
        """Look at the row as the loop would until `arrived`; fails with what it said last."""
        end = time.monotonic() + SETTLE_S
        while True:
            reconcile.run("deployment", row.pk)
            row.refresh_from_db()
            if arrived(row):
                return row
            if time.monotonic() > end:
                pytest.fail(f"{row.phase}: {row.message_say}")
            time.sleep(0.1)

    def ready(self, row: Deployment) -> Deployment:
        return self.until(row, lambda one: one.phase == Phase.READY)

    def gone(self, row: Deployment) -> None:
        end = time.monotonic() + SETTLE_S
        while Deployment.objects.filter(pk=row.pk).exists():
            reconcile.run("deployment", row.pk)
            if time.monotonic() > end:
                row.refresh_from_db()
                pytest.fail(f"{row.phase}: {row.message_say}")
            time.sleep(0.1)

    def remove(self, row: Deployment) -> None:
        row.refresh_from_db()
        self.apply(services.deployment_delete(person=self.person, row=row))
        self.gone(row)

    def get(self, kind: str, name: str) -> Any:
        version = "apps/v1" if kind == "deployments" else "v1"
        return self.kube.get(version, kind, name, self.environment.namespace)

    def count(self, plural: str, row: Deployment) -> int:
        version = "apps/v1" if plural in ("deployments", "replicasets") else "v1"
        selector = f"sdconsole.io/deployment-id={row.pk}"
        return len(
            self.kube.list(
                version, plural, self.environment.namespace, label_selector=selector
            ).items
        )

    def by_hand(self, name: str, change: dict[str, Any]) -> None:
        """Server-side apply by somebody else, as `kubectl apply --server-side --force` does."""
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.environment.namespace},
            **change,
        }
        self.kube.apply(manifest, field_manager="kubectl", force=True)
