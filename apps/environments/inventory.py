"""The inventory page: one shelf of findings at a time, or the cards laid out of nodes and pods."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from apps.core.listing import Filter, Listing
from apps.environments import selectors
from apps.environments.models import Environment, Finding, Reading
from apps.environments.products import Product
from apps.environments.selectors import CardFacts
from apps.environments.shelves import CARDS, SHELVES, Shelf, shelf_choices, shelf_rows


def shown(
    request: HttpRequest,
    environment: Environment,
    kind: str,
    looks: dict[Product, Reading],
) -> dict[str, Any]:
    """What the page shows of `kind`; an unknown kind is the nodes."""
    shelf = SHELVES.get(kind, SHELVES["nodes"])
    counts = selectors.counts(environment)
    context: dict[str, Any] = {
        "kind": CARDS if kind == CARDS else shelf.key,
        "shelves": [(one, counts.get(one.kind.value, 0)) for one in SHELVES.values()],
        "product": Product.KUBE if kind == CARDS else shelf.product,
    }
    context["look"] = looks.get(context["product"])
    if kind == CARDS:
        context["cards"] = cards(environment)
        context["card_gpus"] = sum(1 for card in context["cards"] if card.index is not None)
        return context
    listing = listing_of(request, environment, shelf)
    context |= {
        "listing": listing,
        "shelf": shelf,
        "rows": [row(shelf, one) for one in listing.rows],
    }
    return context


def listing_of(request: HttpRequest, environment: Environment, shelf: Shelf) -> Listing[Finding]:
    filters = []
    if shelf.filter_field:
        filters.append(
            Filter(
                "is",
                shelf.filter_label,
                lambda: shelf_choices(environment, shelf),
                shelf.filter_field,
            )
        )
    return Listing(
        request,
        shelf_rows(environment, shelf),
        sorts=dict(shelf.sorts),
        default_sort="name",
        filters=filters,
        search=list(shelf.search),
        keep=["kind"],
    )


def row(shelf: Shelf, finding: Finding) -> dict[str, Any]:
    """A row of the table: the fact, with its times as times."""
    fact = shelf.shape.from_json(finding.data)
    return {
        "pk": finding.pk,
        "fact": fact,
        "created": moment(getattr(fact, "created", "")),
        "updated": moment(getattr(fact, "updated", "")),
        "started": moment(getattr(fact, "started", "")),
    }


def moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text) if text else None
    except ValueError:
        return None


def cards(environment: Environment) -> list[CardFacts]:
    return selectors.cards(environment)
