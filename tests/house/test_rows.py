"""One row of everything: each factory makes a valid one, and each kind's row has a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from django.urls import reverse

from apps.accounts.models import User
from apps.core.kinds import Kind, all_kinds
from tests import factories
from tests.cast import signed_in

MAKERS = {
    name: value
    for name, value in sorted(vars(factories).items())
    if name.startswith("make_") and name not in ("make_person", "make_change")
}
# The region has one of each name, so two of these are asked for by name.
NAMED = {"make_environment", "make_adopted"}
KINDS = sorted(
    (kind for kind in all_kinds() if kind.model.__module__.startswith("apps.")),
    key=lambda kind: kind.name,
)
OF_KIND: dict[str, Callable[..., Any]] = {
    "deployment": factories.make_deployment,
    "gateway-route": factories.make_route,
    "gateway-service": factories.make_gateway_service,
    "gateway-source": factories.make_source,
    "generation": factories.make_job,
    "orphan": factories.make_orphan,
    "preparation": factories.make_preparation,
    "publication": factories.make_version,
    "visibility": factories.make_case,
}


@pytest.mark.parametrize("name", MAKERS)
def test_it_is_valid_with_no_arguments_and_twice(db: None, name: str) -> None:
    make = MAKERS[name]
    rows = [make(), make(name="second") if name in NAMED else make()]
    for row in rows:
        assert isinstance(row, models.Model)
        # An empty column that may be empty is not asked by a form's rules.
        empty = [
            one.name for one in row._meta.fields if one.null and getattr(row, one.attname) is None
        ]
        row.full_clean(exclude=empty)


def test_every_kind_has_a_factory() -> None:
    assert {kind.name for kind in KINDS} == set(OF_KIND)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_row_of_the_kind_has_a_page_that_says_its_name(root: User, kind: Kind) -> None:
    row = OF_KIND[kind.name]()
    assert type(row) is kind.model
    # What has no page of its own stands in a list.
    url = reverse(kind.page, args=[kind.page_arg(row)]) if kind.page else row.get_absolute_url()
    answer = signed_in(root).get(url)
    assert answer.status_code == 200
    name = row.name if kind.name == "orphan" else str(row)
    assert name in answer.content.decode()
