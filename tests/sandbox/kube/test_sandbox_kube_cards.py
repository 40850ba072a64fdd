"""Placement of pods on cards, as arithmetic."""

import pytest

from sandbox.kube.cards import CORE, MEMORY, WHOLE, Ask, Card, fresh, place, place_all, short_of

A10 = fresh(2, 22)


@pytest.mark.parametrize(
    ("cards", "ask", "chosen"),
    [
        pytest.param(A10, Ask(50, 10), [0], id="an empty node gives its first card"),
        pytest.param([Card(50, 12, 1), Card(100, 22)], Ask(50, 10), [0], id="the fuller card"),
        pytest.param([Card(40, 12, 1), Card(100, 22)], Ask(50, 10), [1], id="not if core is short"),
        pytest.param([Card(50, 8, 1), Card(100, 22)], Ask(50, 10), [1], id="nor if memory is"),
        pytest.param([Card(60, 4, 1), Card(10, 20, 2)], Ask(50, 10), None, id="both on one card"),
        pytest.param([Card(100, 22, 16)], Ask(5, 1), None, id="sixteen shares are a full card"),
        pytest.param([Card(50, 12, 1), Card(100, 22)], Ask(100), [1], id="a whole card is empty"),
        pytest.param(A10, Ask(200), [0, 1], id="two whole cards"),
        pytest.param([Card(95, 20, 1), Card(100, 22)], Ask(200), None, id="two need two empty"),
        pytest.param(A10, Ask(whole=2), [0, 1], id="nvidia.com/gpu counts cards"),
    ],
)
def test_a_container_gets_the_fullest_card_that_fits(
    cards: list[Card], ask: Ask, chosen: list[int] | None
) -> None:
    assert place(cards, ask) == chosen


def test_containers_of_one_pod_see_each_other() -> None:
    assert place_all(fresh(1, 22), [Ask(50, 10), Ask(50, 10)]) == [[0], [0]]
    assert place_all(fresh(1, 22), [Ask(60, 10), Ask(50, 10)]) is None


def test_the_missing_resource_is_named() -> None:
    assert short_of([Card(40, 22, 1)], Ask(50, 10)) == [CORE]
    assert short_of([Card(50, 8, 1)], Ask(50, 10)) == [MEMORY]
    assert short_of([Card(60, 4, 1), Card(10, 20, 2)], Ask(50, 10)) == [CORE, MEMORY]
    assert short_of([Card(0, 0, 1)], Ask(whole=1)) == [WHOLE]
