"""/api/v1/gpu: cards with what is free on them, and what would fit."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from apps.core.api import Output, api_requires
from apps.environments.selectors import environment_get
from apps.gpu import rules, selectors
from apps.gpu.rules import SliceAsk
from apps.gpu.words import check_slice

router = Router(tags=["gpu"])


class CardOut(Output):
    """One card: compute in percent of it, memory in GiB."""

    node: str
    index: int
    gpu_type: str
    memory_gib: int
    core_free: int
    memory_free_gib: int
    slices: int


class RoomOut(Output):
    room: int
    cards: list[CardOut]


class ProfileOut(Output):
    id: int
    name: str
    gpu_type: str
    core: int
    memory_gib: int
    note: str


@router.get("/cards", response=list[CardOut])
@api_requires("console.view")
def cards(request: HttpRequest, environment: str, gpu_type: str = "") -> Any:
    """Every card of the environment as the world was last read."""
    return selectors.free_cards(environment_get(environment), gpu_type)


@router.get("/room", response=RoomOut)
@api_requires("console.view")
def room(
    request: HttpRequest, environment: str, core: int, memory_gib: int = 0, gpu_type: str = ""
) -> Any:
    """How many more slices of this size fit, and the cards they could go to.

    422 if there is no such slice."""
    ask = SliceAsk(core, memory_gib)
    check_slice(ask)
    found = selectors.free_cards(environment_get(environment), gpu_type)
    return {
        "room": rules.room(found, ask),
        "cards": [card for card in found if rules.fits(card, ask)],
    }


@router.get("/slices", response=list[ProfileOut])
@api_requires("console.view")
def slices(request: HttpRequest) -> Any:
    return selectors.profiles()
