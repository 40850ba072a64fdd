"""The proof and the history of one case, as its page tells them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.models import Intent
from apps.moderation import rules, words
from apps.moderation.models import Case, CaseState, Choice, Decision, Probe
from apps.moderation.plan import CLOSED, MOMENTS, OPEN


@dataclass(frozen=True)
class Floor:
    """One link of the chain.  state: ok, run, bad, or todo; `after_s` since the one before."""

    name: str
    words: str
    state: str
    at: datetime | None = None
    after_s: float | None = None
    detail: str = ""


def chain(case: Case, asked_by: str = "") -> list[Floor]:
    """requested → applied → origin-proven, of the present wish."""
    public = case.spec.get("visibility") == "public"
    start = case.not_before
    undone_until = start if start and start > timezone.now() else None
    requested = Floor("requested", _("Requested"), "ok", case.requested_at, None, asked_by)
    applied_words = _("Applied")
    acl = _("ACL public-read, read back") if public else _("ACL private, read back")
    failing = case.phase in ("degraded", "blocked")
    if case.applied_at:
        after = (
            case.applied_at - max(case.requested_at, start or case.requested_at)
        ).total_seconds()
        applied = Floor("applied", applied_words, "ok", case.applied_at, max(0.0, after), acl)
    elif undone_until:
        applied = Floor(
            "applied", applied_words, "run", undone_until, None, _("once it cannot be undone")
        )
    else:
        state = "bad" if failing else "run"
        applied = Floor("applied", applied_words, state, None, None, str(case.message_say))
    name = _("Origin-proven")
    if case.proven_at and case.applied_at:
        after = (case.proven_at - case.applied_at).total_seconds()
        status = case.observed.get("status", 404 if case.observed.get("gone") else "")
        detail = _("anonymous read: %(status)s") % {"status": status}
        proven = Floor("proven", name, "ok", case.proven_at, max(0.0, after), detail)
    elif case.applied_at:
        name = _("Failing") if failing else name
        proven = Floor(
            "proven", name, "bad" if failing else "run", None, None, str(case.message_say)
        )
    else:
        proven = Floor("proven", name, "todo")
    return [requested, applied, proven]


@dataclass(frozen=True)
class Cell:
    """One anonymous read in the table.  state: ok, bad, hold, due (at is then when), or none."""

    state: str
    status: int = 0
    at: datetime | None = None


@dataclass(frozen=True)
class ProbeTable:
    heads: list[tuple[str, datetime | None]]
    cells: list[Cell]


def probe_table(case: Case, probes: Sequence[Probe]) -> ProbeTable:
    """Anonymous reads of the present wish: before it took effect, right after, and later."""
    titles = {
        "before": _("before"),
        "after": _("after"),
        "1m": _("+1 min"),
        "5m": _("+5 min"),
        "15m": _("+15 min"),
    }
    present = [probe for probe in probes if probe.generation == case.generation]
    by_moment: dict[str, Probe] = {probe.moment: probe for probe in present}
    before = by_moment.get("before")
    if before is None:
        earlier = [probe for probe in probes if probe.at < (case.applied_at or timezone.now())]
        earlier = [probe for probe in earlier if probe.generation < case.generation]
        before = earlier[-1] if earlier else None
    found = {**by_moment, **({"before": before} if before else {})}
    heads, cells = [], []
    for moment, title in titles.items():
        probe = found.get(moment)
        at = probe.at if probe else None
        due_s = dict(MOMENTS).get(moment)
        if probe:
            cell = Cell(tone(probe, case, moment), probe.status, probe.at)
        elif case.applied_at and due_s is not None:
            due = case.applied_at + timedelta(seconds=due_s)
            cell = Cell("due" if due > timezone.now() else "none", 0, due)
        else:
            cell = Cell("none")
        heads.append((title, at))
        cells.append(cell)
    return ProbeTable(heads, cells)


def tone(probe: Probe, case: Case, moment: str) -> str:
    """Red is what must not be: a stranger who reads what is closed now, even if that was before."""
    public = case.spec.get("visibility") == "public"
    if public and moment == "before":
        return "hold"
    return "ok" if probe.status in (OPEN if public else CLOSED) else "bad"


@dataclass(frozen=True)
class Entry:
    """One line of the history."""

    at: datetime
    icon: str
    state: str
    title: str
    who: str
    detail: str = ""
    request_id: str = ""


@dataclass
class Story:
    """Everything the case page shows beside the card."""

    chain: list[Floor]
    table: ProbeTable
    probes: list[Probe]
    entries: list[Entry] = field(default_factory=list)
    last: Decision | None = None


def story(case: Case) -> Story:
    decisions = list(case.decisions.select_related("person", "policy"))
    probes = list(case.probes.order_by("pk"))
    intents = list(Intent.objects.filter(kind="visibility", object_id=case.pk).order_by("-pk")[:50])
    last = next((one for one in decisions if one.verdict != Choice.ESCALATE), None)
    asked_by = str(last.person) if last else _("the machine")
    entries = [decision_entry(one) for one in decisions]
    entries += [probe_entry(one) for one in probes]
    entries += [intent_entry(one) for one in intents]
    entries += machine_entries(case)
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return Story(chain(case, asked_by), probe_table(case, probes), probes, entries, last)


SAID = {
    Choice.FREEZE: ("lock", "bad"),
    Choice.APPROVE: ("check", "ok"),
    Choice.ESCALATE: ("arrow-up-circle", "warn"),
    Choice.UNDO: ("arrow-back-up", "hold"),
}


def decision_entry(made: Decision) -> Entry:
    name, state = SAID[Choice(made.verdict)]
    title = {
        Choice.FREEZE: _("Froze · %(label)s") % {"label": words.label_words(made.label)},
        Choice.APPROVE: _("Released")
        if made.state_before == CaseState.FROZEN
        else CaseState.APPROVED.label,
        Choice.ESCALATE: _("Escalated"),
        Choice.UNDO: _("Undid the decision"),
    }[Choice(made.verdict)]
    parts = [f"“{made.reason}”"] if made.reason else []
    parts.append(_("Policy %(policy)s.") % {"policy": made.policy})
    if made.seen_mode:
        parts.append(
            _("Saw the original for %(s).1f s.") % {"s": made.seen_ms / 1000}
            if made.seen_ms
            else _("Decided by the preview.")
        )
    if made.took_ms:
        parts.append(_("Token %(token)d.") % {"token": made.claim_token})
    return Entry(made.at, name, state, str(title), str(made.person), " ".join(parts))


def probe_entry(probe: Probe) -> Entry:
    ok = probe.as_expected
    title = _("Anonymous read: %(status)d") % {"status": probe.status}
    detail = (
        _("Before the change.")
        if probe.moment == "before"
        else _("As it should be.")
        if ok
        else _("Expected %(expected)d.") % {"expected": probe.expected}
    )
    state = "hold" if probe.moment == "before" else "ok" if ok else "bad"
    return Entry(probe.at, "world", state, title, _("the machine"), detail)


def intent_entry(intent: Intent) -> Entry:
    state = {"ok": "ok", "failed": "bad"}.get(intent.state, "run")
    title = _("ACL set") if intent.state == "ok" else _("ACL not set")
    detail = intent.error or _("Generation %(n)d.") % {"n": intent.generation}
    icon = "lock-open" if intent.call and state == "ok" else "alert-octagon"
    return Entry(
        intent.closed_at or intent.created_at,
        icon,
        state,
        title,
        _("the machine"),
        detail,
        intent.request_id,
    )


def machine_entries(case: Case) -> list[Entry]:
    found = [Entry(case.created_at, "photo", "hold", _("Arrived, private"), _("the machine"))]
    if case.submitted_at:
        detail = _("Job %(job)s") % {"job": case.job_id} if case.job_id else ""
        found.append(
            Entry(case.submitted_at, "send", "hold", _("Sent to CI"), _("the machine"), detail)
        )
    if case.verdict_at:
        detail = _("Score %(score)d, policy %(policy)s.") % {
            "score": case.score,
            "policy": case.policy,
        }
        flagged = case.severity > rules.QUIET
        title = _("Flagged") if flagged else _("Clean by machine")
        found.append(
            Entry(
                case.verdict_at,
                "shield-search",
                "warn" if flagged else "ok",
                title,
                _("the machine"),
                detail,
            )
        )
    return found
