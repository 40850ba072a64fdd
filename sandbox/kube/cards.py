"""Which card a pod gets: pure arithmetic over the cards of one node.

qGPU: core in percent of a card, memory in GiB, at most 16 shares on a card; a fraction lies on one
card in both, whole cards (core 100, 200, ...) are taken empty.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sandbox.kube.quantity import parse

CORE = "tke.cloud.tencent.com/qgpu-core"
MEMORY = "tke.cloud.tencent.com/qgpu-memory"
WHOLE = "nvidia.com/gpu"
MOST_SHARES = 16
FULL = 100


@dataclass(frozen=True)
class Card:
    """What is free on a card: core in percent, memory in GiB, and how many shares it carries."""

    core: int
    memory: int
    shares: int = 0
    size: int = 0  # memory of the empty card, GiB

    @property
    def empty(self) -> bool:
        return self.shares == 0


@dataclass(frozen=True)
class Ask:
    """What one container wants of cards."""

    core: int = 0
    memory: int = 0
    whole: int = 0  # nvidia.com/gpu

    @property
    def cards(self) -> int:
        """Whole cards asked for; 0 for a fraction."""
        return self.whole or (self.core // FULL if self.core >= FULL else 0)

    def __bool__(self) -> bool:
        return bool(self.core or self.memory or self.whole)


def ask_of(requests: Mapping[str, str]) -> Ask:
    def amount(name: str) -> int:
        return int(parse(requests.get(name, "0")))

    return Ask(amount(CORE), amount(MEMORY), amount(WHOLE))


def fresh(count: int, size: int) -> list[Card]:
    return [Card(FULL, size, 0, size) for _ in range(count)]


def take(cards: list[Card], ask: Ask, chosen: Iterable[int]) -> list[Card]:
    """The cards after `ask` has been placed on `chosen`."""
    result = list(cards)
    for index in chosen:
        card = result[index]
        if ask.cards:
            result[index] = replace(card, core=0, memory=0, shares=card.shares + 1)
        else:
            result[index] = replace(
                card,
                core=card.core - ask.core,
                memory=card.memory - ask.memory,
                shares=card.shares + 1,
            )
    return result


def place(cards: list[Card], ask: Ask) -> list[int] | None:
    """Indexes of the cards `ask` would get, the fullest that fits first; None if none fits."""
    if ask.cards:
        free = [index for index, card in enumerate(cards) if card.empty]
        return free[: ask.cards] if len(free) >= ask.cards else None
    fitting = [index for index, card in enumerate(cards) if _fits(card, ask)]
    if not fitting:
        return None
    return [min(fitting, key=lambda index: (cards[index].core, cards[index].memory, index))]


def _fits(card: Card, ask: Ask) -> bool:
    return card.core >= ask.core and card.memory >= ask.memory and card.shares < MOST_SHARES


def place_all(cards: list[Card], asks: list[Ask]) -> list[list[int]] | None:
    """One placement for each container, in order; None if one finds no card."""
    chosen = []
    for ask in asks:
        found = place(cards, ask)
        if found is None:
            return None
        cards = take(cards, ask, found)
        chosen.append(found)
    return chosen


def short_of(cards: list[Card], ask: Ask) -> list[str]:
    """The resources that no card has enough of, for the scheduler's message."""
    if ask.whole:
        return [WHOLE]
    if ask.cards:
        return [CORE]
    short = []
    if not any(card.core >= ask.core and card.shares < MOST_SHARES for card in cards):
        short.append(CORE)
    if not any(card.memory >= ask.memory for card in cards):
        short.append(MEMORY)
    return short or [CORE, MEMORY]
