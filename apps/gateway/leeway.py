"""Differences at the gateway that a person ignores, or takes over into the wish."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from apps.core.changes import Change, Field
from apps.core.errors import RuleViolation
from apps.core.kinds import Ignored
from apps.gateway import rules, selectors
from apps.gateway.models import GatewayService, Route
from apps.gateway.plan import NO_HASH, UNITS, RouteHave, RouteWant, ServiceHave, ServiceWant
from apps.gateway.plan.routes import GUIDE_FIELDS, LIMIT_FIELDS
from apps.gateway.plan.services import BINDING_FIELDS
from apps.gateway.spec import RouteWish, ServiceWish

Labels = Sequence[tuple[str, str, str]]
SERVICE_MEMBERS = {"Timeout": "timeout_ms", "Retries": "retries"}
ROUTE_MEMBERS = {
    "Methods": "methods",
    "Hosts": "hosts",
    "Paths": "paths",
    "PreserveHost": "preserve_host",
}


# ---- ignoring -----------------------------------------------------------------------------------


def service_overlook(
    want: ServiceWant, have: ServiceHave, ignored: Ignored
) -> tuple[ServiceWant, ServiceHave]:
    """The hash key is never overlooked, nor the algorithm that comes with it."""
    mine = paths(ignored, f"Gateway service/{want.binding.name}")
    if want.hash_on != NO_HASH:
        mine -= {"UpstreamInfo.Algorithm"}
    return replace(want, binding=as_live(BINDING_FIELDS, want.binding, have.binding, mine)), have


def route_overlook(
    want: RouteWant, have: RouteHave, ignored: Ignored
) -> tuple[RouteWant, RouteHave]:
    name = want.guide.name
    guide = as_live(GUIDE_FIELDS, want.guide, have.guide, paths(ignored, f"Route/{name}"))
    limit = want.limit
    if limit is not None and have.limit is not None:
        mine = paths(ignored, f"Rate limit/{name}")
        limit = as_live(LIMIT_FIELDS, limit, have.limit, mine)
        asked, live = dict(limit.thresholds), dict(have.limit.thresholds)
        for unit in UNITS:
            if f"QpsThresholds[{unit}].Max" in mine:
                asked.pop(unit, None)
                asked |= {unit: live[unit]} if unit in live else {}
        limit = replace(limit, thresholds=tuple((u, asked[u]) for u in UNITS if u in asked))
    return replace(want, guide=guide, limit=limit), have


def paths(ignored: Ignored, name: str) -> set[str]:
    return {path for object, path in ignored if object == name}


def as_live(labels: Labels, want: Any, have: Any, ignored: set[str]) -> Any:
    """`want` with what is ignored as it is at the gateway."""
    live = {member: getattr(have, member) for member, _label, path in labels if path in ignored}
    return replace(want, **live)


# ---- taking over --------------------------------------------------------------------------------


def service_adopt(row: GatewayService, drift: Sequence[Change]) -> dict[str, Any]:
    """The accepted wish with the live values of `drift`.  Raises RuleViolation."""
    spec = ServiceWish.model_validate(row.spec).model_dump(mode="json")
    for change, line in lines(drift):
        if change.object_kind == "Stickiness":
            spec["hash_on"] = line.old or NO_HASH
        elif line.path == "UpstreamInfo.Algorithm" and spec["hash_on"] == NO_HASH:
            spec["algorithm"] = line.old
        elif line.path in SERVICE_MEMBERS:
            spec[SERVICE_MEMBERS[line.path]] = line.old
        else:
            refuse(change, line)
    wish: ServiceWish = valid(ServiceWish, spec)
    rules.check_timeout(wish.timeout_ms)
    rules.check_retries(wish.retries)
    if row.deployment is not None:
        need = selectors.stickiness(row.deployment)
        rules.check_stickiness(row.deployment.name, need.required, need.replicas, wish.hash_on)
    return wish.model_dump(mode="json")


def route_adopt(row: Route, drift: Sequence[Change]) -> dict[str, Any]:
    """The accepted wish with the live values of `drift`.  Raises RuleViolation."""
    spec = RouteWish.model_validate(row.spec).model_dump(mode="json")
    for change, line in lines(drift):
        if change.object_kind == "Rate limit":
            take_limit(spec["limit"], change, line)
        elif line.path in ROUTE_MEMBERS:
            spec[ROUTE_MEMBERS[line.path]] = line.old if line.old is not None else []
        else:
            refuse(change, line)
    wish: RouteWish = valid(RouteWish, spec)
    rules.check_limit(wish.limit)
    return wish.model_dump(mode="json")


def take_limit(limit: dict[str, Any], change: Change, line: Field) -> None:
    units = [unit for unit in UNITS if line.path == f"QpsThresholds[{unit}].Max"]
    if units:
        kept = [one for one in limit["thresholds"] if one["unit"] != units[0]]
        if line.old is not None:
            kept.append({"unit": units[0], "max": line.old})
        limit["thresholds"] = sorted(kept, key=lambda one: UNITS.index(one["unit"]))
    elif line.path == "LimitBy":
        limit["limit_by"] = line.old
    elif line.path == "HideClientHeaders":
        limit["hide_headers"] = bool(line.old)
    else:
        refuse(change, line)


def lines(drift: Sequence[Change]) -> list[tuple[Change, Field]]:
    """The fields that differ.  Raises RuleViolation for what is missing or too many."""
    for change in drift:
        if change.op != "change":
            raise RuleViolation(
                _("%(kind)s %(name)s itself is missing or too many: put it back instead.")
                % {"kind": change.object_kind, "name": change.name}
            )
    return [(change, line) for change in drift for line in change.fields if line.op != "none"]


def refuse(change: Change, line: Field) -> NoReturn:
    raise RuleViolation(
        _("A wish cannot say %(field)s of %(kind)s %(name)s: put it back, or ignore it.")
        % {"field": line.path, "kind": change.object_kind, "name": change.name}
    )


def valid(model: Any, spec: dict[str, Any]) -> Any:
    try:
        return model.model_validate(spec)
    except ValueError as wrong:
        raise RuleViolation(_("What is live there breaks the rules of a wish.")) from wrong
