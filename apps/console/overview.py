"""The numbers of the front page.  Everything is read from our own rows; nothing asks the cloud."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from apps.console import selectors
from apps.core.models import Run
from apps.deployments.selectors import deployment_list, totals
from apps.environments.models import Environment
from apps.environments.selectors import environment_list, health_of
from apps.gpu.selectors import CardMap, card_map

RUNS_SHOWN = 6
ENVIRONMENTS_SHOWN = 6


@dataclass(frozen=True)
class Stat:
    label: str | Promise
    value: Any
    more: Any = ""
    state: str = ""  # "", warn, bad, drift


def overview(user: object) -> dict[str, Any]:
    """Context of the page."""
    environments = list(environment_list(user)[:ENVIRONMENTS_SHOWN])
    gpu = [(environment, card_map(environment)) for environment in environments]
    health = health_of(environments)
    return {
        "needs": selectors.needs(),
        "gpu": [(environment, found) for environment, found in gpu if found.memory_total],
        "health": [(environment, health[environment.pk]) for environment in environments],
        "runs": list(Run.objects.select_related("person").order_by("-pk")[:RUNS_SHOWN]),
        "stats": stats(environments, [found for _environment, found in gpu]),
    }


def stats(environments: list[Environment], maps: list[CardMap]) -> list[Stat]:
    """One strip, each value with its yardstick."""
    workloads = totals(deployment_list())
    cards = sum(len(node.cards) for found in maps for node in found.nodes)
    free = sum(found.free_cards for found in maps)
    price = sum((found.price for found in maps), Decimal(0))
    short = workloads.ready < workloads.replicas
    return [
        Stat(_("Environments"), len(environments)),
        Stat(
            _("Replicas ready"),
            workloads.ready,
            _now("of %(replicas)d") % {"replicas": workloads.replicas},
            "warn" if short else "",
        ),
        Stat(_("GPU cards in use"), cards - free, _now("of %(cards)d") % {"cards": cards}),
        Stat(_("GPU nodes cost"), f"¥{price:,.2f}" if price else "–", "/h" if price else ""),
        Stat(
            _("Drifted"),
            workloads.drifted,
            _now("deployments"),
            "drift" if workloads.drifted else "",
        ),
        Stat(_("Runs under way"), selectors.running_runs()),
    ]
