"""Desired state as text: what every kind that can be written down shares."""

from dataclasses import dataclass
from typing import Any

from apps.core.models import Reconcilable

# Stands for a secret that the console holds: it is never written out, and read back it means
# "as it is".
KEPT = "(kept)"


@dataclass(frozen=True)
class Target:
    """A row and the wish that a text has for it.  The row of a new object is only a draft."""

    row: Reconcilable
    spec: dict[str, Any]

    @property
    def changed(self) -> bool:
        return not self.row.revision or self.row.spec != self.spec
