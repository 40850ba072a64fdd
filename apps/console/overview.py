"""The numbers of the front page.  Everything is read from our own rows; nothing asks the cloud."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.console import selectors
from apps.core.models import Run
from apps.environments.models import Environment
from apps.environments.selectors import environment_list
from apps.gpu.selectors import CardMap, card_map

RUNS_SHOWN = 6
ENVIRONMENTS_SHOWN = 6


@dataclass(frozen=True)
class Stat:
    label: str | Promise
    value: Any
    more: Any = ""
    state: str = ""  # "", warn, bad


def overview(user: object) -> dict[str, Any]:
    """Context of the page."""
    environments = list(environment_list(user)[:ENVIRONMENTS_SHOWN])
    gpu = [(environment, card_map(environment)) for environment in environments]
    return {
        "needs": selectors.needs(),
        "gpu": [(environment, found) for environment, found in gpu if found.memory_total],
        "runs": list(Run.objects.select_related("person").order_by("-pk")[:RUNS_SHOWN]),
        "stats": stats(environments, [found for _environment, found in gpu]),
    }


def stats(environments: list[Environment], maps: list[CardMap]) -> list[Stat]:
    running = selectors.running_runs()
    cards = sum(len(node.cards) for found in maps for node in found.nodes)
    free = sum(found.free_cards for found in maps)
    return [
        Stat(_("Environments"), len(environments)),
        Stat(_("GPU cards in use"), cards - free, f"/ {cards}"),
        Stat(_("Runs under way"), running),
    ]
