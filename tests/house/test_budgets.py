"""How many queries a page may ask: the same with 3 rows as with 30, and no more than was recorded.

What every page asks for the frame around it (who is it, what waits for them) is recorded once, as
the shell.

    RECORD_QUERY_COUNTS=1 .venv/bin/python -m pytest tests/house/test_budgets.py

writes query_counts.json anew.  Do that on purpose, and say in the commit why a page needs more.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from apps.accounts.models import User
from apps.environments.discovery import Found
from apps.environments.models import Environment, FindingKind
from tests import factories
from tests.cast import signed_in
from tests.environments.factories import NODE, POD, stock

RECORD = Path(__file__).with_name("query_counts.json")
RECORDING = os.environ.get("RECORD_QUERY_COUNTS") == "1"
FEW, MANY = 3, 30
SHELL = "the shell"
BARE = "password-change"  # a page that shows nothing of its own
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Page:
    """`fill` makes so many rows and returns the address that shows them."""

    fill: Callable[[int], str]


def listed(name: str, make: Callable[..., Any]) -> Page:
    def fill(rows: int) -> str:
        for _ in range(rows):
            make()
        return reverse(name)

    return Page(fill)


def environments(rows: int) -> str:
    for _ in range(rows):
        factories.make_adopted(name=f"region-{next(_numbers)}")
    return reverse("environment-list")


def overview(rows: int) -> str:
    for _ in range(rows):
        factories.make_plan()
        factories.make_run()
        factories.make_deployment(phase="blocked")
    return reverse("overview")


def search(rows: int) -> str:
    for _ in range(rows):
        number = next(_numbers)
        factories.make_deployment(name=f"found-{number}")
        factories.make_version(model=factories.make_model(name=f"found-{number}"))
    return reverse("search") + "?q=found"


def read_anew(rows: int) -> Environment:
    """The environment `demo` with so many nodes, each with a pod of a card of its own."""
    environment = factories.the_environment()
    found = []
    for number in range(rows):
        node = replace(NODE, name=f"10.0.1.{number}")
        pod = replace(POD, name=f"web-{number}", node=node.name)
        found.append(Found(FindingKind.NODE, node.name, node.name, node))
        found.append(Found(FindingKind.POD, f"sd/{pod.name}", pod.name, pod))
    stock(environment, kube=found)
    return environment


def card_map(rows: int) -> str:
    read_anew(rows)
    return reverse("card-map")


def inventory(rows: int) -> str:
    return reverse("environment-inventory", args=[read_anew(rows).name]) + "?kind=pods"


def settings(rows: int) -> str:
    root = User.objects.get(username="root")
    for _ in range(rows):
        factories.make_token(user=root)
    return reverse("settings")


def person(rows: int) -> str:
    other = factories.somebody()
    for _ in range(rows):
        factories.make_token(user=other)
    return reverse("person-detail", args=[other.pk])


def plan(rows: int) -> str:
    return reverse("plan-detail", args=[factories.make_plan(objects=rows).pk])


def run(rows: int) -> str:
    return reverse("run-detail", args=[factories.make_run(objects=rows).pk])


def people(rows: int) -> str:
    for _ in range(rows):
        factories.somebody()
    return reverse("person-list")


PAGES = {
    "card-map": Page(card_map),
    "case-list": listed("case-list", factories.make_case),
    "deployment-list": listed("deployment-list", factories.make_deployment),
    "drift-list": listed("drift-list", factories.make_drifted),
    "environment-inventory": Page(inventory),
    "environment-list": Page(environments),
    "event-list": listed("event-list", factories.make_event),
    "gateway-route-list": listed("gateway-route-list", factories.make_route),
    "generation-list": listed("generation-list", factories.make_job),
    "image-list": listed("image-list", factories.make_image),
    "orphan-list": listed("orphan-list", factories.make_orphan),
    "overview": Page(overview),
    "person-detail": Page(person),
    "person-list": Page(people),
    "plan-detail": Page(plan),
    "plan-list": listed("plan-list", factories.make_plan),
    "run-detail": Page(run),
    "run-list": listed("run-list", factories.make_run),
    "search": Page(search),
    "settings": Page(settings),
    "slice-list": listed("slice-list", factories.make_profile),
    "unknown-list": listed("unknown-list", factories.make_intent),
    "version-list": listed("version-list", factories.make_version),
}


@pytest.fixture(autouse=True)
def cold() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def asked_by(client: Any, url: str) -> tuple[list[str], int]:
    """The statements of one answer and its length, after a first answer has filled what is kept
    between requests."""
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(url)
    assert answer.status_code == 200
    return [query["sql"] for query in captured], len(answer.content)


def recorded() -> dict[str, int]:
    stored: dict[str, int] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return stored


def hold(name: str, asked: list[str], shell: int) -> None:
    """Fail if `name` asks more than its budget; when recording, make this the budget."""
    own = len(asked) - shell
    if RECORDING:
        stored = recorded() | {name: own}
        kept = {one: stored[one] for one in sorted(stored) if one in {*PAGES, SHELL}}
        RECORD.write_text(json.dumps(kept, indent=2) + "\n")
    budget = recorded()[name]
    assert own <= budget, f"{own} queries, not {budget}:\n" + "\n".join(
        statement[:160] for statement in asked
    )


def test_the_frame_of_a_page_stays_within_its_budget(root: User) -> None:
    asked, _length = asked_by(signed_in(root), reverse(BARE))
    hold(SHELL, asked, 0)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_as_much_for_many_rows_as_for_few(root: User, name: str) -> None:
    client = signed_in(root)
    few, short = asked_by(client, PAGES[name].fill(FEW))
    many, long = asked_by(client, PAGES[name].fill(MANY))
    assert long > short, "the page does not show the rows that this test made"
    more = "\n".join(statement[:160] for statement in many if statement not in few)
    assert len(many) <= len(few), f"{len(few)} queries became {len(many)}:\n{more}"
    shell, _length = asked_by(client, reverse(BARE))
    hold(name, many, len(shell))


def test_every_list_page_has_a_budget() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert {name for name in names if name.endswith("-list")} <= set(PAGES)
    assert set(recorded()) == {*PAGES, SHELL}
