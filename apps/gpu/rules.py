"""qGPU arithmetic: which slices exist, and which card they fit.  Pure.

Source: Tencent Cloud document 457/65734 (page of 2026-01-16): compute in percent of one card, 5 to
95 in steps of 5, or whole cards; memory in whole GiB, required below one card; at most 16 slices a
card; a fractional slice lies on one card.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_PER_CARD = 16
STEP = 5
WHOLE = 100


class Wrong(StrEnum):
    """Why a slice cannot exist; the words live where people read them."""

    CORE_STEP = "core_step"
    CORE_WHOLE = "core_whole"
    MEMORY_MISSING = "memory_missing"
    MEMORY_WITH_WHOLE = "memory_with_whole"


@dataclass(frozen=True)
class SliceAsk:
    """core: percent of one card; memory_gib: GiB, 0 with whole cards (all of their memory)."""

    core: int
    memory_gib: int = 0

    @property
    def whole_cards(self) -> int:
        return self.core // WHOLE if self.core % WHOLE == 0 else 0

    def __str__(self) -> str:
        return f"{self.core}%" + (f" / {self.memory_gib} GiB" if self.memory_gib else "")


@dataclass(frozen=True)
class Card:
    """What is free on one card.  `index` is its number on the node."""

    node: str
    index: int
    gpu_type: str
    memory_gib: int
    core_free: int
    memory_free_gib: int
    slices: int = 0

    @property
    def untouched(self) -> bool:
        return self.core_free == WHOLE and self.memory_free_gib == self.memory_gib


def wrong(ask: SliceAsk) -> Wrong | None:
    """What is wrong with the slice as such; None if it may exist."""
    if ask.core <= 0 or ask.core % STEP:
        return Wrong.CORE_STEP
    if ask.core > WHOLE and ask.core % WHOLE:
        return Wrong.CORE_WHOLE
    if ask.core < WHOLE and ask.memory_gib < 1:
        return Wrong.MEMORY_MISSING
    if ask.core >= WHOLE and ask.memory_gib:
        return Wrong.MEMORY_WITH_WHOLE
    return None


def fits(card: Card, ask: SliceAsk) -> bool:
    """True if a slice of at most one card fits on `card` as it is."""
    if ask.whole_cards:
        return card.untouched
    return (
        card.core_free >= ask.core
        and card.memory_free_gib >= ask.memory_gib
        and card.slices < MOST_PER_CARD
    )


def take(card: Card, ask: SliceAsk) -> Card:
    """The card after the slice was laid on it."""
    if ask.whole_cards:
        return replace(card, core_free=0, memory_free_gib=0, slices=card.slices + 1)
    return replace(
        card,
        core_free=card.core_free - ask.core,
        memory_free_gib=card.memory_free_gib - ask.memory_gib,
        slices=card.slices + 1,
    )


def give_back(card: Card, ask: SliceAsk) -> Card:
    """The card after the slice was taken off it."""
    core = WHOLE if ask.whole_cards else ask.core
    memory = card.memory_gib if ask.whole_cards else ask.memory_gib
    return replace(
        card,
        core_free=min(WHOLE, card.core_free + core),
        memory_free_gib=min(card.memory_gib, card.memory_free_gib + memory),
        slices=max(0, card.slices - 1),
    )


@dataclass(frozen=True)
class Packing:
    """Where slices of one size go: `placed` has a list of card positions per slice, `cards` is
    what the cards look like afterwards."""

    placed: tuple[tuple[int, ...], ...]
    cards: tuple[Card, ...]


def pack(cards: Sequence[Card], ask: SliceAsk, count: int) -> Packing:
    """Lay up to `count` slices, fullest card first, as the qGPU scheduler's binpack does."""
    left = list(cards)
    placed: list[tuple[int, ...]] = []
    for _number in range(count):
        spot = _whole_spot(left, ask.whole_cards) if ask.whole_cards else _spot(left, ask)
        if spot is None:
            break
        for position in spot:
            left[position] = take(left[position], ask)
        placed.append(spot)
    return Packing(tuple(placed), tuple(left))


def _spot(cards: Sequence[Card], ask: SliceAsk) -> tuple[int, ...] | None:
    fitting = [position for position, card in enumerate(cards) if fits(card, ask)]
    if not fitting:
        return None
    return (min(fitting, key=lambda at: (cards[at].core_free, cards[at].memory_free_gib, at)),)


def _whole_spot(cards: Sequence[Card], wanted: int) -> tuple[int, ...] | None:
    """`wanted` untouched cards of one node, on the node that has the fewest of them."""
    by_node: dict[str, list[int]] = {}
    for position, card in enumerate(cards):
        if card.untouched:
            by_node.setdefault(card.node, []).append(position)
    enough = [spots for spots in by_node.values() if len(spots) >= wanted]
    return tuple(min(enough, key=len)[:wanted]) if enough else None


def room(cards: Sequence[Card], ask: SliceAsk) -> int:
    """How many more of this slice fit."""
    if ask.whole_cards:
        return len(pack(cards, ask, len(cards)).placed)
    return sum(
        min(
            card.core_free // ask.core,
            card.memory_free_gib // ask.memory_gib,
            MOST_PER_CARD - card.slices,
        )
        for card in cards
        if fits(card, ask)
    )


def stranded_gib(cards: Iterable[Card], reference: SliceAsk) -> int:
    """GiB that are free but on cards where not one slice like `reference` fits any more."""
    return sum(card.memory_free_gib for card in cards if not fits(card, reference))


@dataclass(frozen=True)
class Near:
    """A change with which one more slice would fit: which member, and the value it would take."""

    member: str  # "core" or "memory_gib"
    value: int


def nearest(cards: Sequence[Card], ask: SliceAsk) -> list[Near]:
    """The largest smaller slices that would fit one more time: less compute, or less memory."""
    if ask.whole_cards or not cards:
        return []
    found = []
    cores = [c.core_free for c in cards if c.memory_free_gib >= ask.memory_gib]
    if cores and (core := max(cores) // STEP * STEP) >= STEP and core < ask.core:
        found.append(Near("core", core))
    memories = [c.memory_free_gib for c in cards if c.core_free >= ask.core]
    if memories and 1 <= max(memories) < ask.memory_gib:
        found.append(Near("memory_gib", max(memories)))
    return found
