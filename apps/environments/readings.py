"""When which product is read, and writing down what came of it.

A reading is claimed by a conditional update, so that two workers never read the same thing; one
whose worker died is due again after Reading.PATIENCE.  No transaction is open across a call.
"""

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.environments import discovery
from apps.environments.discovery import Found
from apps.environments.facts import FileSystemFacts, GatewayFacts, RegistryFacts
from apps.environments.models import Environment, Finding, Reading
from apps.environments.products import REMITS, Product
from apps.environments.remedies import diagnosis
from cloud.errors import CloudError

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 600.0
BATCH = 1000


def open_readings(environment: Environment) -> None:
    """Every product gets its reading, due at once; repeating it adds nothing."""
    Reading.objects.bulk_create(
        [
            Reading(environment=environment, product=product.value, due_at=timezone.now())
            for product in Product
        ],
        ignore_conflicts=True,
    )


def ask_again(environment: Environment, products: Iterable[Product] = tuple(Product)) -> int:
    """Make the readings due now, also those that stopped; how many there are."""
    now = timezone.now()
    readings = Reading.objects.filter(
        environment=environment, product__in=[one.value for one in products]
    )
    return readings.update(due_at=now, asked_at=now)


def due_now(environment: Environment, products: Iterable[Product]) -> None:
    """The world was just changed there: the next look should come soon.  Nobody waits for it."""
    Reading.objects.filter(
        environment=environment, product__in=[one.value for one in products], permanent=False
    ).update(due_at=timezone.now())


def look_at_due(environment_pk: int | None = None) -> int:
    """Read whatever is due, one after the other; the number of readings made."""
    due = Reading.objects.filter(due_at__lte=timezone.now()).order_by("due_at", "pk")
    if environment_pk is not None:
        due = due.filter(environment_id=environment_pk)
    return sum(look(pk) for pk in list(due.values_list("pk", flat=True)))


def look(reading_pk: int) -> bool:
    """Read one product and write down what is there; False if another worker has it."""
    claimed_at = timezone.now()
    mine = Reading.objects.filter(pk=reading_pk, due_at__lte=claimed_at)
    if not mine.update(due_at=claimed_at + Reading.PATIENCE, started_at=claimed_at):
        return False
    reading = Reading.objects.select_related("environment").get(pk=reading_pk)
    product, environment = Product(reading.product), reading.environment
    needs = REMITS[product].needs
    began = time.monotonic()
    try:
        if needs and not getattr(environment, needs):
            found: list[Found] = []
        else:
            found = discovery.READERS[product](environment)
    except CloudError as error:
        write_failure(reading, claimed_at, error, began)
        return True
    write_found(reading, claimed_at, found, began)
    return True


@dataclass(frozen=True)
class Written:
    upserted: int
    removed: int


def write_found(
    reading: Reading, claimed_at: datetime, found: list[Found], began: float
) -> Written:
    """Upsert what is there, remove what is not, and note that it went well."""
    now = timezone.now()
    remit = REMITS[Product(reading.product)]
    rows = {
        (one.kind, one.external_id): Finding(
            environment_id=reading.environment_id,
            kind=one.kind,
            external_id=one.external_id[:300],
            name=one.name[:300],
            data=asdict(one.fact),
            seen_at=now,
        )
        for one in found
    }
    with transaction.atomic():
        Finding.objects.bulk_create(
            rows.values(),
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["environment", "kind", "external_id"],
            update_fields=["name", "data", "seen_at"],
        )
        removed, _ = Finding.objects.filter(
            environment_id=reading.environment_id, kind__in=remit.kinds, seen_at__lt=now
        ).delete()
        follow(reading.environment, found)
        finish(
            reading,
            claimed_at,
            due_at=now + timedelta(seconds=remit.every_s * random.uniform(0.9, 1.1)),
            read_at=now,
            finished_at=now,
            took_ms=round((time.monotonic() - began) * 1000),
            failures=0,
            error={},
            remedy={},
            error_code="",
            error_raw="",
            request_id="",
            permanent=False,
        )
    return Written(len(rows), removed)


def follow(environment: Environment, found: list[Found]) -> None:
    """Keep what stands beside an adopted id (mount IP, domain, address) as the world has it now.

    What was not told is left as it was: a passing gap must not cut off what runs."""
    for one in found:
        values: dict[str, str] = {}
        column = ""
        match one.fact:
            case FileSystemFacts() as fact if fact.id == environment.cfs_id:
                column = "cfs_id"
                values = {"cfs_mount_ip": fact.mount_ip, "cfs_fsid": fact.fsid}
            case RegistryFacts() as fact if fact.id == environment.tcr_id:
                column = "tcr_id"
                values = {"tcr_domain": fact.domain}
            case GatewayFacts() as fact if fact.id == environment.gateway_id:
                column = "gateway_id"
                values = {"gateway_address": fact.address}
        moved = {
            name: value
            for name, value in values.items()
            if value and value != getattr(environment, name)
        }
        if moved:
            still = {column: getattr(environment, column)}
            Environment.objects.filter(pk=environment.pk, **still).update(**moved)


def write_failure(reading: Reading, claimed_at: datetime, error: CloudError, began: float) -> None:
    """Keep the old findings; a permanent error waits for a person, another one for a while."""
    now = timezone.now()
    product = Product(reading.product)
    told = diagnosis(error, product)
    wait_s = min(REMITS[product].every_s * 2 ** min(reading.failures, 6), LONGEST_WAIT_S)
    wait_s = max(wait_s, getattr(error, "retry_s", 0.0)) * random.uniform(0.8, 1.2)
    log.warning(
        "Reading %s of %s failed: %s %s", product, reading.environment.name, error.code, error
    )
    finish(
        reading,
        claimed_at,
        due_at=None if told.permanent else now + timedelta(seconds=wait_s),
        finished_at=now,
        took_ms=round((time.monotonic() - began) * 1000),
        failures=F("failures") + 1,
        error=told.error.to_json(),
        remedy=told.remedy.to_json(),
        error_code=error.code,
        error_raw=str(error),
        request_id=error.request_id,
        permanent=told.permanent,
    )


def finish(reading: Reading, claimed_at: datetime, **values: object) -> None:
    """Write down the outcome.  Somebody who asked while we read gets a look of their own."""
    mine = Reading.objects.filter(pk=reading.pk, started_at=claimed_at)
    asked_meanwhile = Reading.objects.filter(pk=reading.pk, asked_at__gt=claimed_at).exists()
    if asked_meanwhile:
        values.pop("due_at", None)
    mine.update(**values)
