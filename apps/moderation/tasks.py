"""Doors for workers (queue `reconcile`)."""

from datetime import timedelta

from apps.moderation import intake, judging

RECENT = timedelta(hours=1)


def submit_pending() -> None:
    """Periodic, every 2 s: cases for new pictures, jobs for new cases, results that are due."""
    intake.take_in(within=RECENT)
    judging.submit_due()
    judging.collect_due()


def collect() -> None:
    """A callback rang."""
    judging.collect_due()


def collect_overdue() -> None:
    """Periodic, every 30 s: what no callback told, and pictures that were overlooked."""
    intake.take_in()
    judging.collect_due()
