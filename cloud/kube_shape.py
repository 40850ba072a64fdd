"""Pure: how Kubernetes reads its own documents: list keys, atomic members, quantities, paths."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

# Lists merged by key: the member's name -> the keys of an item (first set that fits it).
MERGE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "containers": (("name",),),
    "initContainers": (("name",),),
    "ephemeralContainers": (("name",),),
    "env": (("name",),),
    "volumes": (("name",),),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "imagePullSecrets": (("name",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "conditions": (("type",),),
    "ownerReferences": (("uid",),),
    "secrets": (("name",),),
}
KEY_DEFAULTS = {"protocol": "TCP"}
SETS = frozenset({"finalizers"})
ATOMIC_MAPS = frozenset({"selector", "nodeSelector", "labelSelector", "matchLabels"})
_QUANTITY_MAPS = frozenset(
    {"limits", "requests", "capacity", "allocatable", "hard", "defaultRequest"}
)
_QUANTITY_MEMBERS = frozenset({"sizeLimit"})
_QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([KMGTPE]i|[numkMGTPE]))?")
_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    **{letter: Decimal(1000 ** (i + 2)) for i, letter in enumerate("MGTPE")},
    **{f"{letter}i": Decimal(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def quantity(value: object) -> Decimal | None:
    """The amount in base units ("500m" = 0.5), None if `value` is no quantity."""
    if isinstance(value, bool):
        return None
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    try:
        amount = Decimal(number + (exponent or ""))
    except InvalidOperation:
        return None
    return amount * _SUFFIXES[suffix] if suffix else amount


def same_scalar(want: object, live: object, *, measured: bool) -> bool:
    """Equality of two leaves; `measured` leaves are compared by amount."""
    if want == live and type(want) is type(live):
        return True
    if measured:
        amounts = quantity(want), quantity(live)
        return amounts[0] is not None and amounts[0] == amounts[1]
    if isinstance(want, bool) or isinstance(live, bool):
        return False
    return want == live


def measured(parent: str, name: str) -> bool:
    """Whether member `name` below `parent` holds a quantity."""
    return parent in _QUANTITY_MAPS or name in _QUANTITY_MEMBERS


def merge_key(member: str, items: Sequence[Any]) -> tuple[str, ...] | None:
    """The keys by which the items of list `member` are told apart; None = the list is atomic."""
    for keys in MERGE_KEYS.get(member, ()):
        if items and all(isinstance(item, Mapping) and keys[0] in item for item in items):
            return keys
    return None


def key_of(item: Mapping[str, Any], keys: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, item.get(key, KEY_DEFAULTS.get(key))) for key in keys)


def find(items: Sequence[Any], wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The item with these key values."""
    for item in items:
        if isinstance(item, Mapping) and all(
            item.get(key, KEY_DEFAULTS.get(key)) == value for key, value in wanted.items()
        ):
            return item
    return None


def step(path: str, name: str) -> str:
    """`path` one member deeper; odd names are quoted."""
    if not _PLAIN.fullmatch(name):
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name


def item_step(path: str, key: Sequence[tuple[str, Any]]) -> str:
    shown = [f"{name}={value}" for name, value in key if KEY_DEFAULTS.get(name) != value]
    return f"{path}[{','.join(shown)}]"
