"""The whole stack for a test: a real sandbox process, an environment adopted from it, and the loop.

`sandbox`      endpoints of a sandbox process of this test run (pace 0.05)
`environment`  the row `demo` with everything discovery found, as `manage.py seed_environment` does
`loop`         a thread that does what the workers do, for tests with a browser (transaction=True)
and `settle()` runs what is due in the test's own thread until nothing is on its way.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

if TYPE_CHECKING:
    from apps.core.models import Reconcilable
    from apps.environments.models import Environment

SETTLE_S = 60.0


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What endpoints.json says."""
    from tests.cloud.conftest import running  # brings the vendors' SDKs along

    with running(tmp_path_factory.mktemp("stack")) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def seeded(
    sandbox: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: Any,
) -> str:
    """The rows that adopting the sandbox's region leaves, as JSON: made once, loaded per test."""
    from django.core.management import call_command
    from django.core.serializers import serialize
    from django.db import transaction

    from apps.environments.models import Environment, Finding, Preparation, Reading

    told: Path = tmp_path_factory.mktemp("endpoints") / "endpoints.json"
    told.write_text(json.dumps(sandbox))
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("seed_environment", endpoints=told, name="demo")
        Preparation.objects.update(run=None)
        models = (Environment, Preparation, Reading, Finding)
        rows = [row for model in models for row in model.objects.all()]
        kept = serialize("json", rows)
        transaction.set_rollback(True)
    return kept


@pytest.fixture
def environment(db: None, seeded: str) -> Environment:
    """Adopted: cluster, CFS, registry, gateway, bucket; changes apply at once."""
    from django.core.serializers import deserialize

    from apps.environments.models import Environment

    for row in deserialize("json", seeded):
        row.save()
    Environment.objects.update(policy="auto")
    return Environment.objects.get(name="demo")


def work(only: frozenset[str] = frozenset()) -> int:
    """Do once what workers and scheduler would do now: plans, then due rows; how many.

    `only`: names of kinds, empty = all.
    """
    from django.db.models import Q

    from apps.core import plans, reconcile
    from apps.core.kinds import all_kinds
    from apps.core.models import Plan, PlanStatus

    done = 0
    for pk in Plan.objects.filter(status=PlanStatus.PLANNING).values_list("pk", flat=True):
        plans.plan_compute(pk)
        done += 1
    for kind in all_kinds():
        if (only and kind.name not in only) or kind.name == "thing":  # of the loop's own tests
            continue
        now = timezone.now()
        due = kind.model.objects.filter(due_at__lte=now).filter(
            Q(leased_until__isnull=True) | Q(leased_until__lt=now)
        )
        for pk in due.values_list("pk", flat=True):
            reconcile.run(kind.name, pk)
            done += 1
    return done


def settle(*rows: Reconcilable, deadline_s: float = SETTLE_S) -> None:
    """Work on the kinds of `rows` until all have settled (without rows: on everything until nothing
    is due); fails at the deadline."""
    from apps.core.kinds import kind_for

    only = frozenset(kind_for(row).name for row in rows)
    end = time.monotonic() + deadline_s
    while True:
        did = work(only)
        left = [row for row in rows if not _settled(row)]
        if not left and (rows or not did):
            return
        if time.monotonic() > end:
            told = ", ".join(f"{row} {row.phase}: {row.message_say}" for row in left)
            pytest.fail(f"Not settled after {deadline_s:g} s: {told or 'something is always due'}")
        if not did:
            time.sleep(0.05)


def _settled(row: Reconcilable) -> bool:
    fresh = type(row).objects.filter(pk=row.pk).first()
    if fresh is None:
        return True
    row.refresh_from_db()
    return fresh.settled


@pytest.fixture
def loop(transactional_db: None) -> Iterator[None]:
    """Workers in a thread.  What they raise fails the test at its end."""
    from django.db import connection

    over, failures = threading.Event(), []

    def run() -> None:
        try:
            while not over.is_set():
                try:
                    if not work():
                        over.wait(0.05)
                except Exception as failure:
                    failures.append(failure)
                    over.wait(0.2)
        finally:
            connection.close()

    thread = threading.Thread(target=run, name="loop", daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(SETTLE_S)
    assert not failures, failures
