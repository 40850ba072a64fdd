"""Doors for workers (queue `reconcile`)."""

from datetime import timedelta

from apps.moderation import intake

RECENT = timedelta(hours=1)


def submit_pending() -> None:
    """Periodic, every 2 s: cases for new pictures, jobs for new cases, results that are due."""
    intake.take_in(within=RECENT)
    intake.submit_due()
    intake.collect_due()


def collect() -> None:
    """A callback rang."""
    intake.collect_due()


def collect_overdue() -> None:
    """Periodic, every 30 s: what no callback told, and pictures that were overlooked."""
    intake.take_in()
    intake.collect_due()
