"""Reads of orphans and of calls whose outcome nobody knows."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.accounts.permissions import can
from apps.console.drifting import right_of
from apps.console.models import Orphan
from apps.console.selectors import Link, item_links
from apps.core.changes import Change
from apps.core.kinds import kind_of
from apps.core.models import Intent
from apps.environments.models import Environment
from apps.environments.selectors import SECRETS


def orphan_list(environment: Environment | None = None) -> QuerySet[Orphan]:
    found: QuerySet[Orphan] = Orphan.objects.select_related("environment").defer(
        *(f"environment__{name}" for name in SECRETS)
    )
    return found.filter(environment=environment) if environment else found


@dataclass(frozen=True)
class Outcome:
    """One such call with its evidence.  `change` None = what was sent was not kept."""

    intent: Intent
    link: Link | None
    kind: str
    change: Change | None
    may_decide: bool


def outcomes(intents: list[Intent], person: Any) -> list[Outcome]:
    links = item_links([(one.kind, one.object_id) for one in intents])
    return [
        Outcome(
            intent=one,
            link=links.get((one.kind, one.object_id)),
            kind=str(kind_of(one.kind).label),
            change=Change.from_json(one.request) if one.request else None,
            may_decide=can(person, right_of(kind_of(one.kind))),
        )
        for one in intents
    ]
