"""Doors for workers (queue `bulk`)."""

from apps.environments import readings


def refresh_due() -> None:
    """Periodic: every reading whose time has come, of all environments."""
    readings.look_at_due()


def refresh(environment_pk: int) -> None:
    """Somebody waits for this environment: its due readings at once."""
    readings.look_at_due(environment_pk)
