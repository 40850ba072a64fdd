"""The tables of the loop: what is wished, what was planned, what was done."""

from apps.core.models.plan import Plan, PlanItem, PlanStatus, Revision
from apps.core.models.reconcilable import Reconcilable
from apps.core.models.run import (
    Intent,
    IntentState,
    Run,
    RunItem,
    RunStatus,
    Step,
    StepStatus,
    Trigger,
)

__all__ = [
    "Intent",
    "IntentState",
    "Plan",
    "PlanItem",
    "PlanStatus",
    "Reconcilable",
    "Revision",
    "Run",
    "RunItem",
    "RunStatus",
    "Step",
    "StepStatus",
    "Trigger",
]
