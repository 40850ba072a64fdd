"""Lists: what the URL asks for, and what a broken URL does not break."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from apps.core import listing as module
from apps.core.listing import Filter, Listing
from tests.core.things.models import Thing

pytestmark = pytest.mark.django_db


@pytest.fixture
def things() -> list[Thing]:
    return [
        Thing.objects.create(name=f"lamp {number:02d}", phase="ready" if number % 2 else "blocked")
        for number in range(7)
    ]


def listing(query: str = "", **overrides: object) -> Listing[Thing]:
    wish = {
        "sorts": {"name": "name", "state": ("phase", "name")},
        "default_sort": "name",
        "filters": [
            Filter("phase", "State", [("ready", "Ready"), ("blocked", "Blocked")]),
            Filter("colour", "Colour", lambda: [("1", "Red")], "pk", single=True),
        ],
        "search": ["name"],
        "page_size": 3,
        **overrides,
    }
    return Listing(RequestFactory().get(f"/things/?{query}"), Thing.objects.all(), **wish)  # type: ignore[arg-type]


def names(query: str = "", **overrides: object) -> list[str]:
    return [thing.name for thing in listing(query, **overrides).rows]


def asks(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["lamp 00", "lamp 01", "lamp 02"]),
        ("page=2", ["lamp 03", "lamp 04", "lamp 05"]),
        ("page=3", ["lamp 06"]),
        ("sort=-name", ["lamp 06", "lamp 05", "lamp 04"]),
        ("sort=-state", ["lamp 05", "lamp 03", "lamp 01"]),
        ("phase=ready", ["lamp 01", "lamp 03", "lamp 05"]),
        ("phase=ready&phase=blocked&page=3", ["lamp 06"]),
        ("q=05", ["lamp 05"]),
        ("q=LAMP+05", ["lamp 05"]),
        ("q=lamp&phase=ready&sort=-name", ["lamp 05", "lamp 03", "lamp 01"]),
    ],
)
def test_the_url_says_what_is_shown(things: list[Thing], query: str, expected: list[str]) -> None:
    assert names(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "sort=spec",  # a column that is not offered
        "sort=-",
        "sort=name;drop",
        "phase=made-up",
        "phase=",
        "page=0",
        "page=-3",
        "page=one",
        "page=²",
        "page=99999999999999999999",
        "q=%00",
        "unknown=1",
    ],
)
def test_nonsense_is_ignored(things: list[Thing], query: str) -> None:
    shown = listing(query)
    assert shown.rows
    assert shown.page.number in (1, 3)  # a page beyond the last is the last


def test_a_search_is_no_pattern(things: list[Thing]) -> None:
    assert names("q=%25") == []
    assert names("q=_") == []
    assert names("q=" + "x" * 5000) == []


def test_links_carry_the_rest_of_the_state_and_drop_the_page(things: list[Thing]) -> None:
    shown = listing("phase=ready&q=lamp&page=1")
    assert asks(shown.sorts["name"].url) == {"phase": ["ready"], "q": ["lamp"], "sort": ["-name"]}
    assert asks(listing("page=2").sorts["state"].url) == {"sort": ["state"]}
    assert asks(shown.clear_url) == {}
    assert asks(listing("phase=ready&tab=all", keep=["tab"]).clear_url) == {"tab": ["all"]}


def test_a_filter_option_turns_itself_over(things: list[Thing]) -> None:
    ready, blocked = listing("phase=ready").filters[0].options
    assert ready.chosen and asks(ready.url) == {}
    assert not blocked.chosen and asks(blocked.url) == {"phase": ["ready", "blocked"]}


def test_a_single_filter_keeps_one(things: list[Thing]) -> None:
    shown = listing("colour=1")
    assert shown.filters[1].words == "Red"
    assert [thing.pk for thing in shown.rows] in ([1], [])


def test_why_a_list_is_empty(things: list[Thing]) -> None:
    assert listing().empty_because == ""
    assert listing("q=zzz").empty_because == "search"
    Thing.objects.filter(phase="blocked").delete()
    assert listing("phase=blocked").empty_because == "filter"
    Thing.objects.all().delete()
    assert listing().empty_because == "nothing"


def test_pages_know_their_neighbours(things: list[Thing]) -> None:
    first, last = listing().page, listing("page=3").page
    assert (first.first, first.last, first.previous_url) == (1, 3, "")
    assert asks(first.next_url) == {"page": ["2"]}
    assert (last.first, last.last, last.next_url) == (7, 7, "")
    assert asks(listing("page=2").page.previous_url) == {}


def test_no_query_counts_beyond_the_cap(
    things: list[Thing], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries
) -> None:
    monkeypatch.setattr(module, "COUNT_CAP", 4)
    shown = listing("page=900")
    with django_assert_num_queries(1) as asked:
        assert shown.total_words == "4+"
    assert "LIMIT 5" in asked[0]["sql"]
    assert shown.page.number == 2 and shown.page.next_url == ""


def test_rows_of_equal_rank_do_not_change_places(things: list[Thing]) -> None:
    Thing.objects.update(name="same")
    seen = [thing.pk for page in (1, 2, 3) for thing in listing(f"page={page}").rows]
    assert sorted(seen) == sorted(thing.pk for thing in things)


def test_a_head_cell_sorts_by_a_link_that_works_without_a_script(things: list[Thing]) -> None:
    source = (
        '{% load console %}{% sort_th "name" "Name" listing %}{% sort_th "size" "Size" listing %}'
    )
    said = Template(source).render(Context({"listing": listing()}))
    assert 'aria-sort="ascending"' in said
    assert 'href="/things/?sort=-name"' in said and 'hx-get="/things/?sort=-name"' in said
    assert '<th scope="col">Size</th>' in said
