"""What a changing call hands back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """The call was accepted.  `request_id` is empty where the vendor sends none."""

    request_id: str = ""


@dataclass(frozen=True)
class Created:
    """`id` is the vendor's new id."""

    id: str
    request_id: str = ""
