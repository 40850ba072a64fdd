"""A region in a real sandbox process, adopted as a person would, with two pods of a deployment."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone

from tests.cloud.conftest import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.core.models import Plan, Run
    from apps.deployments.models import Deployment
    from apps.environments.models import Environment

PATIENCE_S = 90.0
# The cluster outlives the test: with the same key, its row knows its objects again.
KEYS = {"anime": 70_001, "solo": 70_002}
KINDS = ("preparation", "deployment", "gateway-source", "gateway-service", "gateway-route")


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The endpoints file of a sandbox of our own."""
    home = tmp_path_factory.mktemp("gateway-sandbox")
    with running(home):
        yield home / "endpoints.json"


@pytest.fixture
def environment(db: None, region: Path) -> Iterator[Environment]:
    """The region under management; the sandbox outlives the test, what was made there does not."""
    environment = adopted(region)
    empty(environment)
    yield environment


def empty(environment: Environment) -> None:
    """Take away what earlier tests left at the gateway."""
    from cloud import tse, tse_routes, tse_services

    access, gateway_id = environment.access(), environment.gateway_id
    for route in tse_routes.routes(access, gateway_id):
        tse_routes.route_delete(access, gateway_id, route.id)
    for service in tse_services.services(access, gateway_id):
        tse_services.service_delete(access, gateway_id, service.id)
    for source in tse.sources(access, gateway_id):
        tse.source_delete(access, gateway_id, source.id)


def adopted(endpoints: Path) -> Environment:
    from apps.environments.models import Environment

    call_command("seed_environment", endpoints=endpoints, name="demo", verbosity=0)
    return Environment.objects.get(name="demo")


@pytest.fixture
def anime(environment: Environment, olga: Any) -> Deployment:
    return deployed(environment, olga)


def deployed(environment: Environment, person: Any, name: str = "anime", **spec: Any) -> Deployment:
    """A deployment of two replicas, ready in the cluster."""
    from apps.core.plans import Draft, plan_open
    from apps.core.words import Say
    from apps.deployments.models import Deployment
    from apps.environments import selectors
    from apps.registry.models import Model, Version

    version = Version.objects.filter(environment=environment).first()
    if version is None:
        model = Model.objects.create(name="sd15", type="checkpoint")
        version = Version.objects.create(
            model=model,
            number=1,
            environment=environment,
            file_name="sd15.safetensors",
            size_bytes=10,
            phase="ready",
        )
    put_checkpoint(Path(environment.cfs_mount_path) / version.folder / version.file_on_disk)
    image = selectors.images(environment)[0]
    wish = {
        "image": {"repository": image.repository, "tag": image.tag, "digest": image.digest},
        "checkpoint": version.pk,
        "checkpoint_file": version.file_on_disk,
        "slice": {"core": 20, "memory_gib": 4},
        "replicas": 2,
        **spec,
    }
    row = Deployment.objects.filter(environment=environment, name=name).first()
    row = row or Deployment.objects.create(pk=KEYS[name], environment=environment, name=name)
    plan = plan_open(
        title=Say(""), scope="demo", policy="confirm", author=person, drafts=[Draft(row, wish)]
    )
    carry_out(plan, person)
    row.refresh_from_db()
    return row


def put_checkpoint(path: Path) -> None:
    layer = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
    tensor = {"dtype": "F16", "shape": [320, 768], "data_offsets": [0, 491520]}
    head = json.dumps({layer: tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(491520))


# ---- the loop, in this process ------------------------------------------------------------------


def computed(plan: Plan) -> Plan:
    from apps.core import plans

    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    return plan


def carry_out(plan: Plan, person: Any, patience_s: float = PATIENCE_S) -> Run:
    """Compute, accept, and run the loop until the run ends."""
    from apps.core import plans

    computed(plan)
    assert plan.status == "ready", str(plan.error_say)
    run = plans.plan_apply(plan, person)
    end = time.monotonic() + patience_s
    while run.status == "running":
        look_at_due()
        run.refresh_from_db()
        assert time.monotonic() < end, told(run)
        if run.status == "running":
            time.sleep(0.05)
    return run


def told(run: Run) -> list[Any]:
    return [(step.key, step.status, step.error, str(step.message_say)) for step in run.steps.all()]


def look_at_due() -> None:
    """One visit to every row that is due, as a worker would pay it."""
    from apps.core import reconcile
    from apps.core.kinds import kind_of

    for name in KINDS:
        due = kind_of(name).model.objects.filter(Q(due_at__lte=timezone.now()))
        for pk in list(due.values_list("pk", flat=True)):
            reconcile.run(name, pk)


def look(row: Any) -> Any:
    """One visit to this row, due or not."""
    from apps.core import reconcile
    from apps.core.kinds import kind_for

    reconcile.run(kind_for(row).name, row.pk)
    row.refresh_from_db()
    return row


# ---- the world, by the real SDK and by real requests --------------------------------------------


def client_address(environment: Environment, number: int) -> str:
    """A loopback address of its own for a client; the sandbox counts and hashes by it."""
    return f"127.{environment.gateway_address.split('.')[1]}.200.{number}"


class FromAddress(requests.adapters.HTTPAdapter):
    """Sends from one local address."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


def ask(
    environment: Environment, path: str = "/internal/ping", host: str = "", client: int = 1
) -> requests.Response:
    """One request through the gateway from client number `client`."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", FromAddress(client_address(environment, client)))
        headers = {"Host": host} if host else {}
        return session.get(
            f"http://{environment.gateway_address}{path}", headers=headers, timeout=10
        )
