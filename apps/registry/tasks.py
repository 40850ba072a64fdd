"""Doors for workers (queue `bulk`)."""

from apps.registry import services


def upload_drop(pk: int) -> None:
    services.upload_drop(pk)


def sweep() -> None:
    """Periodic: abandoned uploads."""
    services.uploads_sweep()
