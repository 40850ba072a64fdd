"""Plans and runs over the smallest reconciled kind, each valid with no arguments."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.core import plans
from apps.core.models import Plan
from apps.core.plans import Draft
from apps.core.words import Say
from tests.core.things.models import Thing


def make_plan(
    author: Any,
    policy: str = "confirm",
    colour: str | None = "red",
    name: str = "lamp",
    **columns: Any,
) -> Plan:
    """A finished plan that paints a thing; `colour` None plans to remove it."""
    thing, _made = Thing.objects.get_or_create(name=name)
    spec = None if colour is None else {"colour": colour}
    plan = plans.plan_open(
        title=Say.of("Paint %(name)s", name=name),
        scope="demo",
        policy=policy,
        author=author,
        drafts=[Draft(thing, spec)],
        reason="because",
    )
    plans.plan_compute(plan.pk)
    if columns:
        Plan.objects.filter(pk=plan.pk).update(**columns)
    return Plan.objects.get(pk=plan.pk)


def expired() -> dict[str, Any]:
    return {"expires_at": timezone.now() - timedelta(seconds=1)}
