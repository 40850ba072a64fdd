"""The cards of an environment as the world was last read, and what would fit on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.environments.models import Environment
from apps.environments.selectors import CardFacts, cards, nodes, pods
from apps.gpu import rules
from apps.gpu.models import GpuType, SliceProfile
from apps.gpu.rules import Card, SliceAsk

REFERENCE = SliceAsk(50, 10)  # the article's half of an A10: what counts as stranded


@dataclass(frozen=True)
class Block:
    """One piece of a card's bar, `gib` long.  state: "" a slice, free, str (stranded), ghost."""

    gib: int
    state: str
    name: str
    words: str
    core: int = 0


@dataclass(frozen=True)
class CardView:
    card: Card
    blocks: list[Block]
    words: str

    @property
    def core_used(self) -> int:
        return 100 - self.card.core_free


@dataclass(frozen=True)
class NodeView:
    name: str
    gpu_type: str
    cards: list[CardView]
    instance_type: str
    policy: str
    ready: bool
    price: Decimal | None  # of the whole node, ¥ per hour
    core_used: int
    core_total: int
    memory_used: int
    memory_total: int


@dataclass(frozen=True)
class WhatIf:
    """The answer to "how many more of this slice fit, and where"."""

    ask: SliceAsk
    wanted: int
    placed: int
    room: int
    near: list[rules.Near]


@dataclass(frozen=True)
class CardMap:
    nodes: list[NodeView]
    memory_used: int
    memory_total: int
    core_used: int
    core_total: int
    free_cards: int
    stranded: int
    waiting: list[str]  # pods that found no place
    price: Decimal
    gpu_types: list[str]
    what_if: WhatIf | None
    unplaced: int  # slices whose card nobody told

    @property
    def widest_gib(self) -> int:
        """What fills a row of the map: 44 GiB where that holds every node's cards, else 88."""
        most = max((sum(v.card.memory_gib for v in node.cards) for node in self.nodes), default=0)
        return 44 if most <= 44 else 88


def free_cards(environment: Environment, gpu_type: str = "") -> list[Card]:
    """Every card with what is free on it; `gpu_type` "" = all."""
    return [
        as_card(facts)
        for facts in cards(environment)
        if facts.index is not None and gpu_type in ("", facts.gpu_type)
    ]


def as_card(facts: CardFacts) -> Card:
    return Card(
        node=facts.node,
        index=facts.index or 0,
        gpu_type=facts.gpu_type,
        memory_gib=facts.memory_gib,
        core_free=facts.core_free,
        memory_free_gib=facts.memory_free_gib,
        slices=len(facts.pods),
    )


def prices() -> dict[str, Decimal]:
    """GPU type -> ¥ per card and hour, where known."""
    known = GpuType.objects.exclude(price_cny_per_hour=None)
    return {one.name: one.price_cny_per_hour for one in known if one.price_cny_per_hour is not None}


def price_of(ask: SliceAsk, gpu_type: str, known: dict[str, Decimal]) -> Decimal | None:
    """¥ per hour of one slice: its share of the card, the larger of compute and whole cards."""
    price = known.get(gpu_type)
    return None if price is None else (price * ask.core / 100).quantize(Decimal("0.01"))


def profiles() -> list[SliceProfile]:
    return list(SliceProfile.objects.all())


def card_map(
    environment: Environment, gpu_type: str = "", ask: SliceAsk | None = None, count: int = 1
) -> CardMap:
    """Every node, every card, every slice on it; and where `count` more of `ask` would go."""
    all_facts = [facts for facts in cards(environment) if gpu_type in ("", facts.gpu_type)]
    placed_on = [facts for facts in all_facts if facts.index is not None]
    flat = [as_card(facts) for facts in placed_on]
    what_if: WhatIf | None = None
    ghosts: dict[int, int] = {}
    if ask:
        packing = rules.pack(flat, ask, count)
        for spot in packing.placed:
            for position in spot:
                ghosts[position] = ghosts.get(position, 0) + 1
        placed = len(packing.placed)
        near = rules.nearest(packing.cards, ask) if placed < count else []
        what_if = WhatIf(ask, count, placed, rules.room(flat, ask), near)
    known = prices()
    reference = ask or REFERENCE
    views: dict[str, list[CardView]] = {}
    for position, (facts, card) in enumerate(zip(placed_on, flat, strict=True)):
        view = card_view(facts, card, reference, ask, ghosts.get(position, 0))
        views.setdefault(facts.node, []).append(view)
    shown = []
    for node in nodes(environment):
        if node.cards and gpu_type in ("", node.gpu_type):
            mine = views.get(node.name, [])
            price = known.get(node.gpu_type)
            shown.append(
                NodeView(
                    name=node.name,
                    gpu_type=node.gpu_type,
                    cards=mine,
                    instance_type=node.instance_type,
                    policy=node.schedule_policy,
                    ready=node.ready and node.schedulable,
                    price=price * node.cards if price is not None else None,
                    core_used=sum(100 - view.card.core_free for view in mine),
                    core_total=node.core_per_node,
                    memory_used=sum(v.card.memory_gib - v.card.memory_free_gib for v in mine),
                    memory_total=node.memory_gib_per_node,
                )
            )
    return CardMap(
        nodes=shown,
        memory_used=sum(node.memory_used for node in shown),
        memory_total=sum(node.memory_total for node in shown),
        core_used=sum(node.core_used for node in shown),
        core_total=sum(node.core_total for node in shown),
        free_cards=sum(card.untouched for card in flat),
        stranded=rules.stranded_gib(flat, reference),
        waiting=[pod.name for pod in pods(environment) if pod.reason == "Unschedulable"],
        price=sum((node.price for node in shown if node.price is not None), Decimal(0)),
        gpu_types=sorted({node.gpu_type for node in nodes(environment) if node.cards}),
        what_if=what_if,
        unplaced=sum(len(facts.pods) for facts in all_facts if facts.index is None),
    )


def card_view(
    facts: CardFacts, card: Card, reference: SliceAsk, ask: SliceAsk | None, ghosts: int
) -> CardView:
    """The bar of one card: its slices, then what would be placed, then what is free or stranded."""
    blocks = [
        Block(
            gib=pod.memory_gib or card.memory_gib,
            state="",
            name=pod.instance or pod.name,
            words=f"{min(pod.core, 100)}% · {pod.memory_gib or card.memory_gib}G",
            core=min(pod.core, 100),
        )
        for pod in facts.pods
    ]
    rest = card
    for _number in range(ghosts if ask else 0):
        assert ask
        gib = card.memory_gib if ask.whole_cards else ask.memory_gib
        blocks.append(Block(gib, "ghost", "+1", f"{min(ask.core, 100)}% · {gib}G"))
        rest = rules.take(rest, ask)
    if rest.memory_free_gib:
        state = "free" if rules.fits(rest, reference) else "str"
        words = f"{rest.core_free}% · {rest.memory_free_gib}G"
        blocks.append(Block(rest.memory_free_gib, state, "", words))
    used = card.memory_gib - card.memory_free_gib
    words = f"{facts.node} #{card.index}: {used}/{card.memory_gib} GiB, {100 - card.core_free}%"
    return CardView(card, blocks, words)


def total_room(found: Sequence[Card], ask: SliceAsk) -> int:
    return rules.room(found, ask)
