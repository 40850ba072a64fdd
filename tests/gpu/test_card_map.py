"""The card map over what discovery found: what is free, what is stranded, what would fit."""

from dataclasses import replace

import pytest

from apps.environments.discovery import Found
from apps.environments.models import FindingKind
from apps.gpu import selectors
from apps.gpu.models import GpuType
from apps.gpu.rules import SliceAsk
from tests.cast import signed_in
from tests.environments.factories import NODE, POD, make_adopted, stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment():
    """Two nodes of two A10; on the first one card each holds 50 % and 10 GiB."""
    return make_adopted()


def found(kind, facts):
    prefix = f"{facts.namespace}/" if kind == FindingKind.POD else ""
    return Found(kind, prefix + facts.name, facts.name, facts)


def lay(environment, *pods, node=NODE):
    nodes = [found(FindingKind.NODE, node)]
    stock(environment, kube=nodes + [found(FindingKind.POD, pod) for pod in pods])


def blocks(view):
    return [(block.state, block.name, block.gib) for block in view.blocks]


def test_slices_lie_on_their_cards_and_the_rest_is_free(environment):
    found = selectors.card_map(environment)
    first, second = found.nodes
    assert [blocks(view) for view in first.cards] == [
        [("", "anime", 10), ("free", "", 12)],
        [("", "anime", 10), ("free", "", 12)],
    ]
    assert [blocks(view) for view in second.cards] == [[("free", "", 22)], [("free", "", 22)]]
    assert (found.memory_used, found.memory_total, found.free_cards) == (20, 88, 2)
    assert (found.core_used, found.core_total, found.stranded) == (100, 400, 0)


def test_what_is_free_but_too_little_is_stranded(environment):
    lay(environment, replace(POD, core=75, memory_gib=16))
    found = selectors.card_map(environment)
    view = found.nodes[0].cards[0]
    assert blocks(view)[-1] == ("str", "", 6)
    assert found.stranded == 6


def test_what_if_shows_where_they_would_go_fullest_card_first(environment):
    found = selectors.card_map(environment, ask=SliceAsk(50, 10), count=3)
    ghosts = [
        (node.name, view.card.index)
        for node in found.nodes
        for view in node.cards
        for block in view.blocks
        if block.state == "ghost"
    ]
    assert ghosts == [("10.0.0.11", 0), ("10.0.0.11", 1), ("10.0.0.12", 0)]
    assert (found.what_if.placed, found.what_if.wanted, found.what_if.room) == (3, 3, 6)


def test_what_if_says_how_many_fit_and_what_is_nearest(environment):
    found = selectors.card_map(environment, ask=SliceAsk(50, 12), count=9)
    assert (found.what_if.placed, found.what_if.room) == (4, 4)
    assert [(near.member, near.value) for near in found.what_if.near] == [("memory_gib", 10)]


def test_whole_cards_take_untouched_cards_alone(environment):
    found = selectors.card_map(environment, ask=SliceAsk(100), count=3)
    assert (found.what_if.placed, found.what_if.near) == (2, [])
    assert [blocks(view) for view in found.nodes[1].cards] == [[("ghost", "+1", 22)]] * 2


def test_a_slice_whose_card_nobody_told_is_counted_apart(environment):
    lay(environment, replace(POD, card=None))
    found = selectors.card_map(environment)
    assert (found.unplaced, found.memory_used) == (1, 0)


def test_pods_without_a_place_are_named(environment):
    lay(environment, replace(POD, node="", card=None, phase="Pending", reason="Unschedulable"))
    assert selectors.card_map(environment).waiting == [POD.name]


def test_a_map_can_be_narrowed_to_one_type(environment):
    assert selectors.card_map(environment, "A10").nodes
    narrowed = selectors.card_map(environment, "L20")
    assert (narrowed.nodes, narrowed.gpu_types) == ([], ["A10"])


def test_prices_are_of_whole_nodes(environment):
    assert selectors.card_map(environment).nodes[0].price is None
    GpuType.objects.update_or_create(name="A10", defaults={"price_cny_per_hour": "11.60"})
    found = selectors.card_map(environment)
    assert (str(found.nodes[0].price), str(found.price)) == ("23.20", "46.40")


@pytest.mark.parametrize(("gib", "row"), [(22, 44), (24, 88), (48, 88)])
def test_the_longest_node_decides_what_fills_a_row(environment, gib, row):
    lay(environment, node=replace(NODE, memory_gib_per_node=2 * gib))
    assert selectors.card_map(environment).widest_gib == row


# ---- the page -----------------------------------------------------------------------------------


def test_the_page_draws_the_cards_and_answers_the_question(environment, vic):
    page = signed_in(vic).get("/gpu/?core=50&memory_gib=12&count=9").content.decode()
    assert page.count("is-ghost") >= 4
    assert "<b>4 fit</b>" in page
    assert "With 10 GiB one more would fit." in page


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("core=52&memory_gib=10&count=1", 422, "steps of 5"),
        ("core=50&memory_gib=0&count=1", 422, "memory must be given"),
        ("core=x&memory_gib=10&count=1", 422, "whole number"),
        ("core=50&memory_gib=10&count=99999", 422, "less than or equal to 500"),
        ("core=50&memory_gib=10&count=1&gpu_type=nonsense", 422, "valid choice"),
        ("gpu_type=nonsense", 200, "Card map"),
        ("gpu_type=%00", 200, "Card map"),
    ],
)
def test_nonsense_is_said_and_the_map_stays(environment, vic, query, status, words):
    answer = signed_in(vic).get(f"/gpu/?{query}")
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    assert "Card map" in answer.content.decode()


def test_people_without_a_role_see_no_cards(environment, ned):
    assert signed_in(ned).get("/gpu/").status_code == 403


def test_a_price_can_be_written_and_taken_back(environment, olga, vic):
    client = signed_in(olga)
    assert signed_in(vic).post("/gpu/prices/", {"gpu_type": "A10", "price": 9}).status_code == 403
    client.post("/gpu/prices/", {"gpu_type": "A10", "price": "9.50"})
    assert str(GpuType.objects.get(name="A10").price_cny_per_hour) == "9.50"
    client.post("/gpu/prices/", {"gpu_type": "A10", "price": "cheap"})
    client.post("/gpu/prices/", {"gpu_type": "A10", "price": ""})
    assert GpuType.objects.get(name="A10").price_cny_per_hour is None


# ---- REST ---------------------------------------------------------------------------------------


def test_the_api_tells_cards_and_room(environment, vic):
    client = signed_in(vic)
    cards = client.get("/api/v1/gpu/cards?environment=demo").json()
    assert [card["core_free"] for card in cards] == [50, 50, 100, 100]
    room = client.get("/api/v1/gpu/room?environment=demo&core=50&memory_gib=12").json()
    assert (room["room"], len(room["cards"])) == (4, 4)
    assert client.get("/api/v1/gpu/cards?environment=art").status_code == 404
    odd = client.get("/api/v1/gpu/room?environment=demo&core=52&memory_gib=1")
    assert (odd.status_code, "steps of 5" in odd.json()["detail"]) == (422, True)


def test_the_page_asks_as_much_for_fifty_slices_as_for_three(
    environment, vic, django_assert_max_num_queries
):
    counts = []
    client = signed_in(vic)
    for many in (3, 50):
        node = replace(NODE, cards=64, core_per_node=6400, memory_gib_per_node=64 * 22)
        pods = [replace(POD, name=f"pod-{n}", card=n) for n in range(many)]
        lay(environment, *pods, node=node)
        with django_assert_max_num_queries(20) as captured:
            assert client.get("/gpu/?core=50&memory_gib=10&count=5").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
