"""The loop's hands for the preparation of an environment."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core.kinds import Applied, Kind
from apps.environments import readings
from apps.environments.clients import cos_for, kube_for
from apps.environments.models import Preparation
from apps.environments.plan import Action, Have, MakeNamespace, SetCors, Want, judge, plan
from apps.environments.products import Product

LABELS = {"app.kubernetes.io/managed-by": "sd-console"}


def desired(row: Preparation, spec: dict[str, Any] | None) -> Want | None:
    if spec is None:
        return None
    return Want(spec["namespace"], spec["bucket"], tuple(spec["origins"]))


def observe(row: Preparation, want: Want | None) -> Have | None:
    if want is None:
        return None
    phase = ""
    if want.namespace:
        found = kube_for(row.environment).get("v1", "namespaces", want.namespace)
        phase = found.get("status", {}).get("phase", "Active") if found else ""
    rules = cos_for(row.environment, want.bucket).cors_get() if want.bucket else ()
    return Have(phase, rules)


def apply(row: Preparation, action: Action) -> Applied:
    match action:
        case MakeNamespace(name):
            made = kube_for(row.environment).apply(
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": name, "labels": LABELS},
                }
            )
            return Applied(made.request_id)
        case SetCors(bucket, rule, _old, others):
            done = cos_for(row.environment, bucket).cors_put([*others, rule])
            # The health of the bucket should not tell of the missing rule for minutes to come.
            readings.due_now(row.environment, [Product.COS])
            return Applied(done.request_id)


KIND = Kind(
    name="preparation",
    model=Preparation,
    queue="reconcile",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    label=_("Environment preparation"),
    resync_s=300.0,
    page="environment-detail",
    page_arg=lambda row: row.environment.name,
    named_by=("environment",),
    found_by="environment__name",
)
