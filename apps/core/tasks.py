"""Doors for workers: fetch nothing here, call one function."""

from apps.core import plans, rollback
from apps.core import reconcile as loop


def reconcile(kind_name: str, pk: int) -> None:
    loop.run(kind_name, pk)


def compute_plan(plan_pk: int) -> None:
    plans.plan_compute(plan_pk)


def start_plan(plan_pk: int) -> None:
    plans.plan_start(plan_pk)


def roll_back(kind_name: str, pk: int) -> None:
    rollback.roll_back(kind_name, pk)
