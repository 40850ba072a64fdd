"""Who looks at which picture: leases with a fencing token, handed out by one statement."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.permissions import Role, can
from apps.core.errors import Conflict, RuleViolation
from apps.moderation import rules, words
from apps.moderation.models import Case, CaseState, Choice, Skip

if TYPE_CHECKING:
    from apps.accounts.models import User

# One statement: of two reviewers asking at the same moment each gets other rows.  An expired claim
# is free by the clock.  Nobody is handed their own pictures, nor what they passed over.
CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT c.id FROM moderation_case c
    WHERE c.state = 'flagged' AND (c.claim_until IS NULL OR c.claim_until <= %(now)s)
      AND (%(environment)s::bigint IS NULL OR c.environment_id = %(environment)s)
      AND (%(case)s::bigint IS NULL OR c.id = %(case)s)
      AND (%(own)s OR c.author_id IS DISTINCT FROM %(person)s)
      AND (%(lead)s OR c.escalated_at IS NULL)
      AND (%(case)s::bigint IS NOT NULL OR NOT EXISTS (
          SELECT 1 FROM moderation_skip s WHERE s.case_id = c.id AND s.person_id = %(person)s))
    ORDER BY c.severity DESC, c.opened_at, c.id
    LIMIT %(count)s
    FOR UPDATE OF c SKIP LOCKED
)
UPDATE moderation_case c
SET holder_id = %(person)s, claim_token = c.claim_token + 1, claimed_at = %(now)s,
    claim_until = %(until)s
FROM picked WHERE c.id = picked.id
RETURNING c.id
"""


def case_claim(
    *,
    person: "User",
    count: int = rules.BATCH,
    environment_pk: int | None = None,
    case: Case | None = None,
) -> list[int]:
    """Take up to `count` open cases, worst and oldest first, or this very one.  Their keys.

    What the person holds already is not counted: ask for as many as are missing."""
    now = timezone.now()
    asked: dict[str, int | bool | datetime | None] = {
        "now": now,
        "until": now + timedelta(seconds=rules.CLAIM_S),
        "person": person.pk,
        "own": is_administrator(person),
        "lead": can(person, "moderation.release"),
        "environment": environment_pk,
        "case": case.pk if case else None,
        "count": 1 if case else max(0, min(count, rules.BATCH_MOST)),
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, asked)
        return [pk for (pk,) in cursor.fetchall()]


def case_claim_one(*, person: "User", case: Case) -> Case:
    """This case, whoever passed over it.  Raises Conflict when it is not to be had."""
    if case.state == CaseState.FLAGGED and case.claimed and case.holder_id == person.pk:
        return case
    check_not_own(case, person)
    if not case_claim(person=person, case=case):
        raise conflict(case.pk, person)
    case.refresh_from_db()
    return case


def claims_renew(*, person: "User") -> int:
    """Heartbeat: what the person still holds stays theirs; what ran out does not come back."""
    now = timezone.now()
    return Case.objects.filter(state=CaseState.FLAGGED, holder=person, claim_until__gt=now).update(
        claim_until=now + timedelta(seconds=rules.CLAIM_S)
    )


def claims_give_back(*, person: "User") -> int:
    """The person stops: what they hold is free at once."""
    return Case.objects.filter(state=CaseState.FLAGGED, holder=person).update(
        holder=None, claim_until=None
    )


def is_administrator(person: "User") -> bool:
    return Role.ADMINISTRATOR in person.roles


def check_not_own(case: Case, person: "User") -> None:
    if case.author_id == person.pk and not is_administrator(person):
        raise RuleViolation(_("You asked for this picture yourself; somebody else decides on it."))


def conflict(pk: int, person: "User") -> Conflict:
    case = Case.objects.select_related("holder").get(pk=pk)
    last = case.decisions.select_related("person").exclude(verdict=Choice.UNDO).first()
    if case.state == CaseState.FLAGGED and case.escalated_at is None:
        last = None  # what was undone or belongs to an earlier round is no news
    return Conflict(words.happened(case, last, person), current=words.current(case, last))


@transaction.atomic
def case_skip(*, person: "User", case: Case, token: int) -> None:
    """Pass over: free for others at once, and not handed to this person again.  Raises Conflict."""
    mine = Case.objects.filter(
        pk=case.pk, state=CaseState.FLAGGED, holder=person, claim_token=token
    )
    if not mine.update(holder=None, claim_until=None):
        raise conflict(case.pk, person)
    Skip.objects.get_or_create(case=case, person=person)


def skips_forget(*, person: "User") -> int:
    """Hand out again what the person passed over."""
    return Skip.objects.filter(person=person).delete()[0]
