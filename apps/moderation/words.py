"""Vocabularies and conflicts in words."""

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.measures import ago
from apps.moderation import rules
from apps.moderation.models import Case, CaseState, Choice, Decision

if TYPE_CHECKING:
    from apps.accounts.models import User


def label_words(label: str) -> str:
    """A policy label."""
    return _(rules.LABELS[label]) if label in rules.LABELS else label


def scene_words(name: str) -> str:
    """A scene or label of CI; what it names that we do not know stays as it is."""
    key = name.lower()
    key = "terrorism" if key == "terrorist" else key
    return _(rules.SCENES[key]) if key in rules.SCENES else name


def happened(case: Case, decision: Decision | None, person: "User") -> str:
    """Why a person's decision did not count: what became of the case meanwhile, in one sentence."""
    now = timezone.now()
    if case.state == CaseState.PENDING:
        return _("The bytes of this picture changed; it is being judged anew.")
    if case.state == CaseState.FLAGGED:
        if case.claimed and case.holder_id != person.pk:
            return _("Your claim ran out; %(who)s looks at it now.") % {"who": case.holder}
        if decision and decision.verdict == Choice.ESCALATE:
            return _("%(who)s escalated it %(when)s; a lead reviewer decides.") % {
                "who": decision.person,
                "when": ago(decision.at, now),
            }
        return _("Your claim ran out. The picture is in the queue again.")
    if decision is None:
        return _("It was decided meanwhile.")
    said = {"who": decision.person, "when": ago(decision.at, now)}
    if decision.verdict == Choice.FREEZE:
        label = label_words(decision.label)
        return _("%(who)s froze it %(when)s: %(label)s.") % {**said, "label": label}
    return _("%(who)s approved it %(when)s.") % said


def current(case: Case, decision: Decision | None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "case": case.pk,
        "state": case.state,
        "holder": str(case.holder) if case.claimed else "",
        "decided_by": str(decision.person) if decision else "",
        "verdict": decision.verdict if decision else "",
        "label": decision.label if decision else "",
        "at": decision.at.isoformat() if decision else "",
    }
