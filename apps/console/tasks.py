"""Doors for workers (queue `bulk`)."""

from apps.console import orphans


def look_for_orphans() -> None:
    """Periodic: what carries our mark and is nobody's, in every environment."""
    orphans.look_everywhere()
