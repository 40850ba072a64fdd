"""Who may work on a row now: a lease in Postgres that is kept alive while the work goes on.

A killed worker stops renewing, so another takes over within LEASE_S; a worker that lost its lease
(stopped, paused, cut off) finds its fence gone before its next write and stops.
"""

import os
import socket
import threading
from datetime import timedelta
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from apps.core.models import Reconcilable


class LeaseLost(Exception):
    """Somebody else holds the row; whatever this worker was about to do is theirs now."""


def owner_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 10_000}"


def until() -> object:
    return timezone.now() + timedelta(seconds=settings.LEASE_S)


def claim(model: type[Reconcilable], pk: int) -> Reconcilable | None:
    """The row, ours for LEASE_S, with a new fence; None if it is gone, paused or somebody's."""
    now = timezone.now()
    owner = owner_name()
    mine = (
        model.objects.filter(pk=pk)
        .filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now))
        .filter(Q(paused_until__isnull=True) | Q(paused_until__lt=now))
        .update(lease_owner=owner, leased_until=until(), fence=F("fence") + 1)
    )
    return model.objects.filter(pk=pk, lease_owner=owner).first() if mine else None


def release(row: Reconcilable) -> None:
    """Give the row back unchanged, if it is still ours."""
    type(row).objects.filter(pk=row.pk, fence=row.fence).update(leased_until=None, lease_owner="")


class KeptAlive:
    """Renews the lease of `row` from a thread while the block runs."""

    def __init__(self, row: Reconcilable) -> None:
        self._model = type(row)
        self._pk = row.pk
        self._fence = row.fence
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Renew now, in the caller's transaction.  Raises LeaseLost when the fence moved."""
        if not self._touch():
            raise LeaseLost

    def _touch(self) -> int:
        return self._model.objects.filter(pk=self._pk, fence=self._fence).update(
            leased_until=until()
        )

    def _renew(self) -> None:
        try:
            while not self._over.wait(settings.LEASE_S / 3):
                if not self._touch():
                    return
        finally:
            connection.close()
