"""TSE: routes of a gateway.  Creating one answers no id: names are unique, look it up by name."""

from typing import Any

from cloud.access import Access
from cloud.errors import NotFound
from cloud.reading import Data, flag, parts, text, texts, when, whole
from cloud.tencent import rows
from cloud.tse import VERSION, ask, gone
from cloud.types import Done, Route, RouteSpec


def routes(
    access: Access, gateway_id: str, *, service_name: str = "", name: str = ""
) -> tuple[Route, ...]:
    """All routes, or those of one service, or the one of this name."""
    body = {"GatewayId": gateway_id}
    body |= {"ServiceName": service_name} if service_name else {}
    body |= {"RouteName": name} if name else {}
    found = rows(
        access,
        "tse",
        VERSION,
        "DescribeCloudNativeAPIGatewayRoutes",
        body,
        member="RouteList",
        within="Result",
        limit=1000,
    )
    return tuple(read_route(one) for one in found)


def route(access: Access, gateway_id: str, name: str) -> Route | None:
    try:
        found = routes(access, gateway_id, name=name)
    except NotFound:
        return None
    return next((one for one in found if one.spec.name == name), None)


def route_create(access: Access, gateway_id: str, spec: RouteSpec) -> Done:
    """Raises AlreadyExists if the gateway has a route of this name."""
    body = {"GatewayId": gateway_id, **_body(spec)}
    return Done(ask(access, "CreateCloudNativeAPIGatewayRoute", body).request_id)


def route_modify(access: Access, gateway_id: str, route_id: str, spec: RouteSpec) -> Done:
    """Replaces the route."""
    body = {"GatewayId": gateway_id, "RouteID": route_id, **_body(spec)}
    return Done(ask(access, "ModifyCloudNativeAPIGatewayRoute", body).request_id)


def route_delete(access: Access, gateway_id: str, name_or_id: str) -> Done:
    body = {"GatewayId": gateway_id, "Name": name_or_id}
    return gone(access, "DeleteCloudNativeAPIGatewayRoute", body)


def read_route(one: Data) -> Route:
    """A route as the API lists it; unset hosts are null there and () here."""
    spec = RouteSpec(
        name=text(one, "Name"),
        service_id=text(one, "ServiceID"),
        paths=texts(one, "Paths"),
        methods=texts(one, "Methods"),
        hosts=texts(one, "Hosts"),
        protocols=texts(one, "Protocols"),
        headers=tuple((text(kv, "Key"), text(kv, "Value")) for kv in parts(one, "Headers")),
        preserve_host=flag(one, "PreserveHost"),
        strip_path=flag(one, "StripPath"),
        https_redirect=whole(one, "HttpsRedirectStatusCode", 426),
        request_buffering=flag(one, "RequestBuffering", True),
        response_buffering=flag(one, "ResponseBuffering", True),
        regex_priority=whole(one, "RegexPriority"),
    )
    return Route(
        id=text(one, "ID"),
        spec=spec,
        service_name=text(one, "ServiceName"),
        source=text(one, "RouteSource"),
        created_at=when(one.get("CreatedTime")),
    )


def _body(spec: RouteSpec) -> dict[str, Any]:
    return {
        "ServiceID": spec.service_id,
        "RouteName": spec.name,
        "Methods": list(spec.methods),
        "Hosts": list(spec.hosts) or None,
        "Paths": list(spec.paths),
        "Protocols": list(spec.protocols),
        "PreserveHost": spec.preserve_host,
        "StripPath": spec.strip_path,
        "HttpsRedirectStatusCode": spec.https_redirect,
        "Headers": [{"Key": key, "Value": value} for key, value in spec.headers] or None,
        "RequestBuffering": spec.request_buffering,
        "ResponseBuffering": spec.response_buffering,
        "RegexPriority": spec.regex_priority,
    }
