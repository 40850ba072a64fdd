"""The loop: claim, observe, plan, apply, judge, settle.

It is level-triggered: a task carries only the key of a row; what to do is read from the wish and
from the world, every time.  No transaction is open across a call to the cloud.
"""

import logging
import random
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core import runs
from apps.core.brake import check_agreed
from apps.core.drift import differences
from apps.core.kinds import Action, Kind, Verdict, Waiting, kind_of
from apps.core.lateness import not_shown_yet
from apps.core.lease import KeptAlive, LeaseLost, claim, release
from apps.core.models import Intent, IntentState, Reconcilable, Revision, Run, RunItem
from apps.core.pauses import paused_until
from apps.core.phases import Phase
from apps.core.words import Say
from apps.core.workqueue import ring, wake
from cloud.errors import (
    AlreadyExists,
    CloudError,
    LostAnswer,
    NotAuthorized,
    Terminal,
    Throttled,
    Transient,
)

log = logging.getLogger(__name__)

ROUNDS = (
    8  # observe-plan-apply rounds of one visit; a plan that never ends is looked at again later
)
LOOK_AGAIN_S = 2.0
LONGEST_WAIT_S = 300.0
REFUSED_AGAIN_S = 60.0


def run(kind_name: str, pk: int) -> Verdict | None:
    """Bring one row a step closer to its wish; None = somebody else has it, or it is gone."""
    kind = kind_of(kind_name)
    row = claim(kind.model, pk)
    if row is None:
        return None
    if paused_until(kind, row):
        release(row)
        return None
    try:
        with KeptAlive(row) as lease:
            try:
                verdict = converge(kind, row, lease)
            except CloudError as error:
                verdict = blame(error, row)
    except LeaseLost:
        log.warning("%s %s: the lease went to another worker.", kind_name, pk)
        return None
    except Exception:
        settle(kind, row, Verdict(Phase.DEGRADED, Say(CRASHED), wait_s(row.failures)), failed=True)
        raise
    settle(kind, row, verdict, failed=verdict.phase in (Phase.DEGRADED, Phase.BLOCKED))
    return verdict


CRASHED = gettext_noop("The console hit an error of its own; the log has the details.")
UNTOLD = gettext_noop(
    "Nobody can tell whether a call took place: its answer was lost, and it leaves no trace to look"
    " for. A person has to decide under “Unknown outcomes”."
)
NOT_SHOWN = gettext_noop("The service took the change but does not show it yet.")
CANCELLED = gettext_noop("Cancelled between two steps; what was done stays done.")


def converge(kind: Kind, row: Reconcilable, lease: KeptAlive) -> Verdict:
    """Observe, plan and apply until nothing is left, then judge.  Raises CloudError, LeaseLost."""
    resolved, untold = False, frozenset[str]()
    sent: set[tuple[int, str, str]] = set()
    for _ in range(ROUNDS):
        want = kind.desired(row, row.wish())
        have = kind.observe(row, want)
        actions = differences(kind, row, want, have)
        if not_shown_yet(kind.name, row, actions):
            return Verdict(Phase.WORKING, Say(NOT_SHOWN), LOOK_AGAIN_S)
        if not resolved:
            untold = resolve_left_open(kind, row, actions)
            resolved = True
        asked = row.generation > row.observed_generation or row.deleting
        wanted = actions if asked or kind.heals else [one for one in actions if heals(one)]
        wanted = without_dropped(kind, row, wanted)
        if untold.intersection(action.key for action in wanted):
            return Verdict(Phase.BLOCKED, Say(UNTOLD))
        if not wanted:
            return look(kind, row, want, have, actions)
        check_agreed(kind, row, wanted)
        # The answer was yes, and the world still looks as before: an old view of it, or a value
        # that the service keeps in another form.  Sending it over and over helps with neither.
        fresh = [one for one in wanted if (row.generation, one.key, one.change.call) not in sent]
        if not fresh:
            return Verdict(Phase.WORKING, Say(NOT_SHOWN), LOOK_AGAIN_S)
        for action in fresh:
            if row.run_id and Run.objects.filter(pk=row.run_id, status="cancelled").exists():
                return Verdict(Phase.BLOCKED, Say(CANCELLED))
            perform(kind, row, action, lease)
            sent.add((row.generation, action.key, action.change.call))
        row.refresh_from_db()
    say = gettext_noop("Still being brought in step.")
    return Verdict(Phase.WORKING, Say(say), LOOK_AGAIN_S)


def heals(action: Action) -> bool:
    """True for what must hold even where its kind leaves differences to a person."""
    return bool(getattr(action, "heals", False))


def look(kind: Kind, row: Reconcilable, want: object, have: object, drift: list[Action]) -> Verdict:
    """Judge what is there, and note what differs while nobody asked for a change."""
    if want is None and have is None:
        return Verdict(Phase.GONE, Say(gettext_noop("Deleted.")))
    verdict = kind.judge(want, have)
    type(row).objects.filter(pk=row.pk, fence=row.fence).update(
        drift=[action.change.to_json() for action in drift],
        drift_since=(row.drift_since or timezone.now()) if drift else None,
        observed=kind.picture(have) if kind.picture else row.observed,
        observed_at=timezone.now(),
    )
    return verdict


def perform(kind: Kind, row: Reconcilable, action: Action, lease: KeptAlive) -> None:
    """One mutating call between two commits: the intent before it, the answer after it."""
    change = action.change
    item = runs.item_of(row, kind.name)
    with transaction.atomic():
        lease.check()
        intent = Intent.objects.create(
            kind=kind.name,
            object_id=row.pk,
            generation=row.generation,
            fence=row.fence,
            key=action.key,
            call=change.call,
            run_id=row.run_id,
            request=change.to_json(),
        )
        step = runs.step_begin(item, action.key, change) if item else None
    try:
        applied = kind.apply(row, action)
    except Waiting as waiting:
        intent.delete()  # nothing was sent
        if step:
            runs.step_failed(step, waiting, waiting.say)
        raise
    except CloudError as error:
        close(intent, error)
        if step:
            runs.step_failed(step, error, sentence(error))
        raise
    except Exception:
        Intent.objects.filter(pk=intent.pk).update(state=IntentState.UNKNOWN)
        raise
    Intent.objects.filter(pk=intent.pk).update(
        state=IntentState.OK, request_id=applied.request_id, closed_at=timezone.now()
    )
    if step:
        runs.step_done(step, applied.request_id, applied.note)


def close(intent: Intent, error: CloudError) -> None:
    """A lost answer stays open until the next look at the world tells how it went."""
    lost = isinstance(error, LostAnswer)
    Intent.objects.filter(pk=intent.pk).update(
        state=IntentState.UNKNOWN if lost else IntentState.FAILED,
        request_id=error.request_id,
        error_code=error.code,
        error=str(error),
        closed_at=None if lost else timezone.now(),
    )


def resolve_left_open(kind: Kind, row: Reconcilable, actions: Sequence[Action]) -> frozenset[str]:
    """Close what a killed worker or a lost answer left open, by what the world shows now.

    A call whose object is not in the new plan any more has taken place; one still planned has not,
    and is sent again under a new intent.  Where the world cannot tell, the keys are returned: a
    person is asked.
    """
    still_to_do = {action.key for action in actions}
    untold = {action.key for action in actions if not getattr(action, "resolvable", True)}
    left = Intent.objects.filter(
        kind=kind.name,
        object_id=row.pk,
        state__in=[IntentState.PENDING, IntentState.UNKNOWN],
        fence__lt=row.fence,
    )
    now = timezone.now()
    left.filter(key__in=still_to_do - untold).update(state=IntentState.FAILED, closed_at=now)
    left.exclude(key__in=still_to_do).update(state=IntentState.OK, closed_at=now)
    if not untold:
        return frozenset()
    asked = left.filter(key__in=untold)
    asked.filter(asked_at=None).update(state=IntentState.UNKNOWN, asked_at=now)
    return frozenset(asked.values_list("key", flat=True))


def without_dropped(kind: Kind, row: Reconcilable, wanted: list[Action]) -> list[Action]:
    """`wanted` without calls that a person decided not to send; a new wish asks for them again."""
    if not wanted or all(getattr(action, "resolvable", True) for action in wanted):
        return wanted
    dropped = Intent.objects.filter(
        kind=kind.name,
        object_id=row.pk,
        generation=row.generation,
        state=IntentState.DROPPED,
    ).values_list("key", flat=True)
    return [action for action in wanted if action.key not in set(dropped)]


def blame(error: CloudError, row: Reconcilable) -> Verdict:
    """What a refusal or a failure of the cloud means for the row."""
    if isinstance(error, Waiting):
        return Verdict(Phase.WORKING, error.say, error.retry_s)
    if isinstance(error, Throttled):
        say = Say.of(gettext_noop("%(service)s asks to slow down."), service=error.service)
        return Verdict(Phase.WORKING, say, max(error.retry_s, 1) * random.uniform(1, 1.5))
    if isinstance(error, AlreadyExists):
        # Of this name there is one that the last look did not show: the next look tells whose.
        return Verdict(Phase.DEGRADED, sentence(error), wait_s(row.failures))
    if isinstance(error, NotAuthorized):
        # A key that was replaced or a permission given back is noticed without anybody's click.
        return Verdict(Phase.BLOCKED, sentence(error), max(REFUSED_AGAIN_S, wait_s(row.failures)))
    if isinstance(error, Terminal):
        return Verdict(Phase.BLOCKED, sentence(error))
    assert isinstance(error, Transient)
    return Verdict(Phase.DEGRADED, sentence(error), max(error.retry_s, wait_s(row.failures)))


def sentence(error: CloudError) -> Say:
    """The error as a sentence for the operator: one it brings (`say`), or the service's words."""
    own = getattr(error, "say", None)
    if isinstance(own, Say):
        return own
    template = gettext_noop("%(service)s: %(problem)s")
    return Say.of(template, service=error.service or "cloud", problem=str(error))


def wait_s(failures: int) -> float:
    """2 s, doubling to 5 minutes, with jitter so that many rows do not come back at once."""
    longest: float = min(2.0 * 2 ** min(failures, 10), LONGEST_WAIT_S)
    return longest * random.uniform(0.75, 1.25)


def settle(kind: Kind, row: Reconcilable, verdict: Verdict, *, failed: bool) -> None:
    """Write down the verdict, if the row is still ours, and give it back."""
    mine = type(row).objects.filter(pk=row.pk, fence=row.fence)
    item = runs.item_of(row, kind.name)
    if verdict.phase == Phase.READY and (item or row.phase != Phase.READY):
        # The world can arrive at it: what an automatic rollback may go back to.
        revision = Revision.objects.filter(
            kind=kind.name, object_id=row.pk, number=row.revision, ready_at=None
        )
        revision.update(ready_at=timezone.now())
    if verdict.phase == Phase.GONE:
        if item:
            runs.item_finish(item, ok=True, message=verdict.message)
        mine.delete()
        return
    now = timezone.now()
    # A verdict that counts was given by judge, so every call had been answered before it.
    arrived = verdict.phase == Phase.READY or verdict.total > 0
    again_s = verdict.again_s
    if again_s is None and verdict.phase == Phase.READY and kind.resync_s:
        again_s = kind.resync_s * random.uniform(0.9, 1.1)
    status = {
        "phase": Phase.DELETING
        if row.deleting and verdict.phase == Phase.WORKING
        else verdict.phase,
        "message": verdict.message.to_json(),
        "done": verdict.done,
        "total": verdict.total,
        "failures": row.failures + 1 if failed else 0,
        "due_at": now + timedelta(seconds=again_s) if again_s is not None else None,
        "leased_until": None,
        "lease_owner": "",
    }
    if arrived:
        # Every call of this generation was answered: from here on a difference is drift.
        status["observed_generation"] = row.generation
    if not mine.filter(generation=row.generation).update(**status):
        # The wish moved while we worked: judge nothing, come back at once.
        mine.update(leased_until=None, lease_owner="", due_at=now)
        ring(kind.name, row.pk)
        return
    if item:
        record_arrival(item, verdict)
    if verdict.overdue and kind.rolls_back(row):
        # Rung for at every look as long as it stays so: a lost ring costs one look.
        function = "apps.core.tasks.roll_back"
        wake("reconcile", function, kind.name, row.pk, job_id=f"rollback-{kind.name}-{row.pk}")


def record_arrival(item: RunItem, verdict: Verdict) -> None:
    if verdict.phase in (Phase.WORKING, Phase.DEGRADED) and verdict.total:
        runs.settle_step(item, verdict.message, verdict.done, verdict.total, arrived=False)
    elif verdict.phase == Phase.READY:
        if verdict.total:
            runs.settle_step(item, verdict.message, verdict.done, verdict.total, arrived=True)
        runs.item_finish(item, ok=True, message=verdict.message)
    elif verdict.phase == Phase.BLOCKED:
        runs.item_finish(item, ok=False, message=verdict.message)
