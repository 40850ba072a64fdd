"""The loop's hands for an orphan: look whether it is still there, and still nobody's; delete it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.console.models import Orphan
from apps.console.orphans import KUBERNETES, accounted_for, is_ours
from apps.console.plan import GATEWAY_KINDS, DeleteOrphan, Found, judge, plan
from apps.core.kinds import Applied, Blocked, Kind
from apps.core.words import Say
from apps.environments.clients import access_for, kube_for
from cloud import tse_routes, tse_services
from cloud.errors import NotFound

NOT_ORPHAN = gettext_noop("%(name)s is accounted for by now, or was handed to somebody else.")


def desired(row: Orphan, spec: dict[str, Any] | None) -> None:
    """Nobody asked for it."""
    return


def observe(row: Orphan, want: None) -> Found | None:
    """None once it is gone, or another object of its name stands there.  Raises Blocked."""
    if row.object_kind in GATEWAY_KINDS:
        return at_gateway(row)
    api_version, plural = KUBERNETES[row.object_kind]
    live = kube_for(row.environment).get(api_version, plural, row.name, row.namespace or None)
    if live is None or live["metadata"].get("uid") != row.uid:
        return None
    if not is_ours(live) or accounted_for(row.environment, live):
        raise Blocked(Say.of(NOT_ORPHAN, name=row.name))
    return Found(row.object_kind, row.name, bool(live["metadata"].get("deletionTimestamp")))


def at_gateway(row: Orphan) -> Found | None:
    access = access_for(row.environment)
    try:
        if row.object_kind == "Route":
            route = tse_routes.route(access, row.namespace, row.name)
            found_id = route.id if route else ""
        else:
            service = tse_services.service(access, row.namespace, row.name)
            found_id = service.id if service else ""
    except NotFound:
        return None  # the gateway itself is gone
    if found_id != row.uid:
        return None
    if accounted_for(row.environment, None, row.object_kind, row.name):
        raise Blocked(Say.of(NOT_ORPHAN, name=row.name))
    return Found(row.object_kind, row.name)


def apply(row: Orphan, action: DeleteOrphan) -> Applied:
    """By uid or id: one of the same name made meanwhile is left alone."""
    if row.object_kind == "Route":
        access = access_for(row.environment)
        return Applied(tse_routes.route_delete(access, row.namespace, row.uid).request_id)
    if row.object_kind == "Gateway service":
        access = access_for(row.environment)
        return Applied(tse_services.service_delete(access, row.namespace, row.uid).request_id)
    manifest = {
        "apiVersion": KUBERNETES[row.object_kind][0],
        "kind": row.object_kind,
        "metadata": {"name": row.name, "namespace": row.namespace},
    }
    return Applied(kube_for(row.environment).delete(manifest, uid=row.uid).request_id)


KIND = Kind(
    name="orphan",
    model=Orphan,
    queue="reconcile",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    label=_("Orphan"),
    resync_s=0,
)
