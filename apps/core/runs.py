"""The record of what is carried out, written as it happens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.changes import Change
from apps.core.kinds import kind_for
from apps.core.models import Reconcilable, Run, RunItem, RunStatus, Step, StepStatus, Trigger
from apps.core.words import Say
from cloud.errors import CloudError

if TYPE_CHECKING:
    from apps.accounts.models import User

SETTLE = "settle"  # key of the step that waits for the world to arrive


def run_open(
    *,
    title: Say,
    scope: str,
    rows: Sequence[Reconcilable],
    trigger: Trigger,
    person: "User | None" = None,
) -> Run:
    """A run over `rows` at their present generation, for work that needs no plan."""
    run = Run.objects.create(title=title.to_json(), scope=scope, trigger=trigger, person=person)
    for position, row in enumerate(rows):
        supersede(row, run)
        RunItem.objects.create(
            run=run,
            position=position,
            kind=kind_for(row).name,
            object_id=row.pk,
            label=str(row),
            generation=row.generation,
        )
        type(row).objects.filter(pk=row.pk).update(run=run)
        row.run = run
    return run


def supersede(row: Reconcilable, by: Run) -> None:
    """A newer run takes over the row; the older one will not arrive any more."""
    if row.run_id and row.run_id != by.pk:
        message = Say.of(gettext_noop("%(run)s took over."), run=str(by))
        Run.objects.filter(pk=row.run_id, status=RunStatus.RUNNING).update(
            status=RunStatus.SUPERSEDED, finished_at=timezone.now(), message=message.to_json()
        )


def item_of(row: Reconcilable, kind_name: str) -> RunItem | None:
    """The entry for `row` at its present generation in the run that brings it.

    A run that failed at one object goes on recording the others."""
    if not row.run_id:
        return None
    return RunItem.objects.filter(
        run_id=row.run_id,
        run__status__in=[RunStatus.RUNNING, RunStatus.FAILED],
        kind=kind_name,
        object_id=row.pk,
        generation=row.generation,
    ).first()


def steps_planned(item: RunItem, changes: Sequence[tuple[str, Change]]) -> None:
    """The steps a plan foresees, in order, before any is taken."""
    Step.objects.bulk_create(
        Step(
            run_id=item.run_id,
            item=item,
            position=item.position * 1000 + number,
            key=key,
            op=change.op,
            object_kind=change.object_kind,
            name=change.name,
            call=change.call,
        )
        for number, (key, change) in enumerate(changes)
    )


def step_begin(item: RunItem, key: str, change: Change) -> Step:
    step, _ = Step.objects.get_or_create(
        item=item,
        key=key,
        defaults={
            "run_id": item.run_id,
            "position": item.position * 1000 + item.steps.count(),
            "op": change.op,
            "object_kind": change.object_kind,
            "name": change.name,
            "call": change.call,
        },
    )
    Step.objects.filter(pk=step.pk).update(
        status=StepStatus.RUNNING,
        attempts=F("attempts") + 1,
        started_at=step.started_at or timezone.now(),
        finished_at=None,
    )
    RunItem.objects.filter(pk=item.pk, status=StepStatus.PENDING).update(status=StepStatus.RUNNING)
    return step


def step_done(step: Step, request_id: str, note: Say | None = None) -> None:
    Step.objects.filter(pk=step.pk).update(
        status=StepStatus.DONE,
        finished_at=timezone.now(),
        request_id=request_id,
        message=note.to_json() if note else {},
        error="",
        error_code="",
    )


def step_failed(step: Step, error: CloudError, message: Say) -> None:
    Step.objects.filter(pk=step.pk).update(
        status=StepStatus.FAILED,
        finished_at=timezone.now(),
        request_id=error.request_id,
        error_code=error.code,
        error=str(error),
        message=message.to_json(),
    )


def settle_step(item: RunItem, message: Say, done: int, total: int, *, arrived: bool) -> None:
    """The wait after the calls: how far the world has come."""
    now = timezone.now()
    step, _ = Step.objects.get_or_create(
        item=item,
        key=SETTLE,
        defaults={
            "run_id": item.run_id,
            "position": item.position * 1000 + 999,
            "op": "wait",
            "object_kind": "",
            "name": item.label,
            "started_at": now,
            "attempts": 1,
        },
    )
    Step.objects.filter(pk=step.pk).update(
        status=StepStatus.DONE if arrived else StepStatus.RUNNING,
        message=message.to_json(),
        done=done,
        total=total,
        finished_at=now if arrived else None,
    )


def item_finish(item: RunItem, *, ok: bool, message: Say) -> None:
    """The object arrived, or will not without a person; the run ends with its last object."""
    now = timezone.now()
    status = StepStatus.DONE if ok else StepStatus.FAILED
    RunItem.objects.filter(pk=item.pk).update(status=status)
    if ok:
        # What was foreseen and turned out to be in step already needs no call any more.
        item.steps.filter(status__in=[StepStatus.PENDING, StepStatus.RUNNING]).exclude(
            key=SETTLE
        ).update(status=StepStatus.SKIPPED, finished_at=now)
    run = Run.objects.filter(pk=item.run_id)
    if not ok:
        run.filter(status=RunStatus.RUNNING).update(
            status=RunStatus.FAILED, finished_at=now, message=message.to_json()
        )
    elif not RunItem.objects.filter(run_id=item.run_id).exclude(status=StepStatus.DONE).exists():
        # Also one that had failed: its last object found its way after all.
        run.filter(status__in=[RunStatus.RUNNING, RunStatus.FAILED]).update(
            status=RunStatus.SUCCEEDED, finished_at=now, message=message.to_json()
        )
