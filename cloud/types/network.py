"""Account, networks, zones and what can be bought there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are."""

    account_id: str
    user_id: str
    arn: str
    kind: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Vpc:
    id: str
    name: str
    cidr: str
    is_default: bool = False


@dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    vpc_id: str
    cidr: str
    zone: str
    free_addresses: int = 0


@dataclass(frozen=True)
class Zone:
    id: str  # ap-guangzhou-6
    name: str
    available: bool


@dataclass(frozen=True)
class InstanceType:
    """`in_stock` as the vendor says now; `cards` may be a fraction on shared-card types."""

    zone: str
    name: str
    family: str
    cpu: int
    memory_gib: int
    cards: float
    in_stock: bool
    charge: str = ""
    price_cny_per_hour: float = 0.0
