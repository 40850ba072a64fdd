"""qGPU arithmetic by table."""

import pytest

from apps.gpu.rules import (
    Card,
    Near,
    SliceAsk,
    Wrong,
    fits,
    nearest,
    pack,
    room,
    stranded_gib,
    wrong,
)


def card(core=100, memory=22, node="n1", index=0, slices=0, whole=22):
    return Card(node, index, "A10", whole, core, memory, slices)


@pytest.mark.parametrize(
    ("core", "memory", "found"),
    [
        (50, 10, None),
        (5, 1, None),
        (95, 22, None),
        (100, 0, None),
        (200, 0, None),
        (0, 10, Wrong.CORE_STEP),
        (-5, 10, Wrong.CORE_STEP),
        (52, 10, Wrong.CORE_STEP),
        (105, 0, Wrong.CORE_WHOLE),
        (150, 10, Wrong.CORE_WHOLE),
        (50, 0, Wrong.MEMORY_MISSING),
        (100, 22, Wrong.MEMORY_WITH_WHOLE),
    ],
)
def test_which_slices_exist(core, memory, found):
    assert wrong(SliceAsk(core, memory)) == found


@pytest.mark.parametrize(
    ("one", "core", "memory", "yes"),
    [
        (card(), 50, 10, True),
        (card(core=45), 50, 10, False),
        (card(memory=9), 50, 10, False),
        (card(slices=16), 5, 1, False),
        (card(slices=15), 5, 1, True),
        (card(), 100, 0, True),
        (card(memory=21), 100, 0, False),
    ],
)
def test_what_fits_on_one_card(one, core, memory, yes):
    assert fits(one, SliceAsk(core, memory)) is yes


def test_memory_left_on_two_cards_does_not_add_up():
    halves = [card(core=50, memory=6), card(core=50, memory=6, index=1)]
    assert room(halves, SliceAsk(50, 10)) == 0


def test_two_halves_of_an_a10_go_to_one_card_first():
    packing = pack([card(), card(index=1)], SliceAsk(50, 10), 2)
    assert packing.placed == ((0,), (0,))
    assert room(packing.cards, SliceAsk(50, 10)) == 2


def test_whole_cards_stay_on_one_node():
    cards = [card(), card(node="n2"), card(node="n2", index=1)]
    assert pack(cards, SliceAsk(200), 1).placed == ((1, 2),)
    assert room(cards[:2], SliceAsk(200)) == 0


def test_packing_agrees_with_room_for_every_slice_and_state():
    free = [(100, 22), (45, 13), (5, 9)]
    cards = [card(core=c, memory=m, index=i) for i, (c, m) in enumerate(free)]
    for core in range(5, 100, 5):
        for memory in range(1, 23):
            ask = SliceAsk(core, memory)
            assert len(pack(cards, ask, 100).placed) == room(cards, ask)


def test_stranded_is_what_no_reference_slice_can_use():
    assert stranded_gib([card(core=0, memory=2), card()], SliceAsk(50, 10)) == 2


def test_the_nearest_slices_that_would_still_fit():
    cards = [card(core=25, memory=12), card(core=60, memory=7, index=1)]
    assert nearest(cards, SliceAsk(50, 10)) == [Near("core", 25), Near("memory_gib", 7)]
    assert nearest([], SliceAsk(50, 10)) == []
