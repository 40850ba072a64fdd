"""The five functions of a cluster's binding."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core.kinds import Applied, Kind, Waiting
from apps.core.words import Say
from apps.environments.clients import access_for
from apps.gateway import words
from apps.gateway.judgement import source_judge
from apps.gateway.models import ServiceSource
from apps.gateway.plan import (
    BindCluster,
    Held,
    SourceAction,
    SourceHave,
    SourceWant,
    UnbindCluster,
    source_plan,
)
from apps.gateway.reconciler.ours import gone
from apps.gateway.spec import SourceWish
from cloud import tse
from cloud.errors import NotFound


def source_desired(row: ServiceSource, spec: dict[str, Any] | None) -> SourceWant | None:
    if spec is None:
        return None
    return SourceWant(row.cluster_id, SourceWish.model_validate(spec).name)


def source_observe(row: ServiceSource, want: SourceWant | None) -> SourceHave | Held | None:
    try:
        found = tse.sources(access_for(row.environment), row.gateway_id)
        mine = next((one for one in found if one.id == row.cluster_id), None)
    except NotFound:
        gone(row, want)
        mine = None
    if want is None and (mine is None or mine.name != row.spec.get("name")):
        return Held() if row.services.exists() else None  # the binding itself was never ours
    return SourceHave(mine.id, mine.name, not want or mine.name == want.name) if mine else None


def source_apply(row: ServiceSource, action: SourceAction) -> Applied:
    access = access_for(row.environment)
    match action:
        case BindCluster(source):
            done = tse.source_create(access, row.gateway_id, source.cluster_id, source.name)
        case UnbindCluster(source):
            if row.services.exists():
                raise Waiting(Say(words.WAITS_FOR_SERVICES))
            done = tse.source_delete(access, row.gateway_id, source.cluster_id)
    return Applied(done.request_id)


KIND = Kind(
    name="gateway-source",
    model=ServiceSource,
    queue="reconcile",
    desired=source_desired,
    observe=source_observe,
    plan=source_plan,
    apply=source_apply,
    judge=source_judge,
    label=_("Service source"),
    resync_s=120,
    page="gateway-source-detail",
)
