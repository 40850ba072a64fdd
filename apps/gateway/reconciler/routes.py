"""The five functions of a route and its rate limit."""

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core.kinds import Applied, Blocked, Kind, Waiting
from apps.core.words import Say
from apps.environments.clients import access_for
from apps.gateway import selectors, words
from apps.gateway.judgement import route_judge
from apps.gateway.leeway import route_adopt, route_overlook
from apps.gateway.models import Route
from apps.gateway.plan import (
    CREATE_ROUTE,
    CreateRoute,
    DeleteLimit,
    DeleteRoute,
    Guide,
    ModifyRoute,
    RouteAction,
    RouteHave,
    RouteWant,
    SetLimit,
    ordered,
    rate_limit,
    route_plan,
)
from apps.gateway.reconciler.ours import claim, forget_id, gone
from apps.gateway.rules import Traffic, clash
from apps.gateway.spec import RouteWish
from cloud import tse_routes, tse_rules
from cloud.errors import NotFound
from cloud.types import Route as LiveRoute
from cloud.types import RouteSpec


def route_desired(row: Route, spec: dict[str, Any] | None) -> RouteWant | None:
    if spec is None:
        return None
    wish = RouteWish.model_validate(spec)
    guide = Guide(
        name=row.external_name,
        service=row.service.external_name,
        methods=wish.methods,
        hosts=wish.hosts,
        paths=wish.paths,
        preserve_host=wish.preserve_host,
    )
    return RouteWant(
        guide,
        limit=rate_limit(wish.limit) if wish.limit else None,
        nodes=selectors.gateway_nodes(row.environment, row.gateway_id),
        url=selectors.url_of(wish, row.environment.gateway_address),
    )


def route_observe(row: Route, want: RouteWant | None) -> RouteHave | None:
    """Our route by name, among all of the gateway: two that take the same requests are told."""
    access = access_for(row.environment)
    try:
        everything = tse_routes.routes(access, row.gateway_id)
    except NotFound:
        gone(row, want)
        return None
    found = next((one for one in everything if one.spec.name == row.external_name), None)
    if found is not None and not claim(row, found.id, CREATE_ROUTE):
        if want is None:
            return None
        raise Blocked(Say.of(words.FOREIGN_ROUTE, name=row.external_name))
    rivals = rivals_of(want, everything) if want else ()
    if found is None:
        if rivals:
            raise Blocked(Say.of(words.RIVAL_ROUTE, rival=rivals[0]))
        return None
    limit = tse_rules.rate_limit(access, row.gateway_id, "route", found.id) if want else None
    if limit is not None:
        limit = replace(limit, thresholds=ordered(limit.thresholds))
    return RouteHave(found.id, guide_of(found), limit, rivals)


def rivals_of(want: RouteWant, everything: tuple[LiveRoute, ...]) -> tuple[str, ...]:
    guide = want.guide
    mine = Traffic(guide.name, guide.methods, guide.hosts, guide.paths)
    # A route that also asks for headers is more special than ours, and meant to be.
    others = (
        one.spec for one in everything if one.spec.name != guide.name and not one.spec.headers
    )
    return tuple(
        other.name
        for other in others
        if clash(mine, [Traffic(other.name, other.methods, other.hosts, other.paths)])
    )


def guide_of(live: LiveRoute) -> Guide:
    spec = live.spec
    return Guide(
        name=spec.name,
        service=live.service_name,
        methods=spec.methods,
        hosts=spec.hosts,
        paths=spec.paths,
        protocols=spec.protocols,
        preserve_host=spec.preserve_host,
        strip_path=spec.strip_path,
        request_buffering=spec.request_buffering,
        response_buffering=spec.response_buffering,
    )


def route_apply(row: Route, action: RouteAction) -> Applied:
    access, gateway_id = access_for(row.environment), row.gateway_id
    match action:
        case CreateRoute(guide):
            spec = route_spec(guide, ready_service_id(row))
            forget_id(row)
            done = tse_routes.route_create(access, gateway_id, spec)
        case ModifyRoute(route_id, _old, guide):
            live = tse_routes.route(access, gateway_id, row.external_name)
            spec = route_spec(guide, ready_service_id(row), live.spec if live else None)
            done = tse_routes.route_modify(access, gateway_id, route_id, spec)
        case SetLimit(_route, old, limit):
            send = tse_rules.rate_limit_modify if old else tse_rules.rate_limit_create
            done = send(access, gateway_id, "route", row.external_name, limit)
        case DeleteLimit():
            done = tse_rules.rate_limit_delete(access, gateway_id, "route", row.external_name)
        case DeleteRoute(route_id, _name):
            done = tse_routes.route_delete(access, gateway_id, route_id)
    return Applied(done.request_id)


def ready_service_id(row: Route) -> str:
    """Nobody is let in before the service is as it should be, with its stickiness set."""
    service = row.service
    if not service.external_id or service.observed_generation < service.generation:
        raise Waiting(Say.of(words.WAITS_FOR_SERVICE, service=service.name))
    return service.external_id


def route_spec(guide: Guide, service_id: str, live: RouteSpec | None = None) -> RouteSpec:
    """The whole route as the API takes it; what we do not own stays as it is."""
    return replace(
        live or RouteSpec(guide.name, service_id),
        name=guide.name,
        service_id=service_id,
        methods=guide.methods,
        hosts=guide.hosts,
        paths=guide.paths,
        protocols=guide.protocols,
        preserve_host=guide.preserve_host,
        strip_path=guide.strip_path,
        request_buffering=guide.request_buffering,
        response_buffering=guide.response_buffering,
    )


def route_picture(have: RouteHave | None) -> dict[str, Any]:
    return {"id": have.id, "rivals": list(have.rivals)} if have else {}


KIND = Kind(
    name="gateway-route",
    model=Route,
    queue="reconcile",
    desired=route_desired,
    observe=route_observe,
    plan=route_plan,
    apply=route_apply,
    judge=route_judge,
    picture=route_picture,
    overlook=route_overlook,
    adopt=route_adopt,
    label=_("Route"),
    resync_s=60,
    page="gateway-route-detail",
)
