"""TSE routes: which requests a gateway sends to which service."""

from typing import Any

from sandbox.gateway.config import Config, Missing, Taken
from sandbox.gateway.shapes import METHODS, SchemaViolation
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing
from sandbox.tencent.tse import GatewayInstances
from sandbox.tencent.tse_services import GatewayServices, routes_of
from sandbox.world import World

REDIRECTS = (426, 301, 302, 307, 308)
# Kong's own route members, by the name the TSE request has for them.
MEMBERS = {
    "Hosts": "hosts",
    "Paths": "paths",
    "Protocols": "protocols",
    "PreserveHost": "preserve_host",
    "HttpsRedirectStatusCode": "https_redirect_status_code",
    "StripPath": "strip_path",
    "RequestBuffering": "request_buffering",
    "ResponseBuffering": "response_buffering",
    "RegexPriority": "regex_priority",
    "RouteName": "name",
}


class GatewayRoutes:
    def __init__(
        self, world: World, instances: GatewayInstances, services: GatewayServices
    ) -> None:
        self._world = world
        self._instances = instances
        self._services = services

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCloudNativeAPIGatewayRoute": self.create,
            "ModifyCloudNativeAPIGatewayRoute": self.modify,
            "DeleteCloudNativeAPIGatewayRoute": self.delete,
            "DescribeCloudNativeAPIGatewayRoutes": self.describe,
            "DescribeCNGWServicesWithRoutes": self.describe_tree,
        }

    def find(self, config: Config, key: str) -> Document:
        """The route whose id or name is `key`."""
        try:
            return config.find("routes", key)
        except Missing:
            raise ApiError(
                "ResourceNotFound.ResourceNotFound", f"route {key} does not exist"
            ) from None

    def _wish(self, ask: Ask, config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
        service = self._services.find(config, ask["ServiceID"])
        methods = ask.get("Methods", [])
        if wrong := [method for method in methods if method not in (*METHODS, "ANY")]:
            raise ApiError("InvalidParameterValue", f"unknown methods {wrong}")
        if ask.get("HttpsRedirectStatusCode", 426) not in REDIRECTS:
            raise ApiError("InvalidParameterValue", "HttpsRedirectStatusCode is unknown")
        if not set(ask.get("Protocols", [])) <= {"http", "https"}:
            raise ApiError("InvalidParameterValue", "Protocols are http and https")
        if not any(ask.get(member) for member in ("Methods", "Hosts", "Paths", "Headers")):
            raise ApiError(
                "InvalidParameterValue.BadRequestFormat",
                "one of Methods, Hosts, Paths, Headers is needed",
            )
        headers: dict[str, list[str]] = {}
        for pair in ask.get("Headers", []):
            headers.setdefault(pair["Key"], []).append(pair["Value"])
        kong = {
            "service": {"id": service["kong"]["id"]},
            "methods": None if not methods or "ANY" in methods else methods,
            "headers": headers or None,
            **{
                kong_name: ask[member]
                for member, kong_name in MEMBERS.items()
                if ask.get(member) is not None
            },
        }
        for name in ("hosts", "paths"):
            kong[name] = kong.get(name) or None
        tse = {
            "any": "ANY" in methods,
            "query": ask.get("QueryStringParameters", []),
            "ports": ask.get("DestinationPorts", []),
        }
        return kong, tse

    def create(self, ask: Ask) -> Answer:
        """Make the route.  The answer holds no id: callers look it up by RouteName."""
        config = self._instances.config(ask["GatewayId"])
        kong, tse = self._wish(ask, config)
        try:
            config.create("routes", kong, self._world.clock.now(), tse)
        except Taken as exc:
            raise ApiError(
                "InvalidParameterValue.ResourceAlreadyExist", f"route {exc} exists"
            ) from exc
        except SchemaViolation as exc:
            raise ApiError("InvalidParameterValue.CreateError", str(exc)) from exc
        self._world.gateway.sync(config.gateway_id)
        return {}

    def modify(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        entry = self.find(config, ask["RouteID"])
        kong, tse = self._wish(ask, config)
        # The members not sent keep their value, as in Kong's PATCH; sets are replaced whole.
        if kong["headers"] is None or entry["kong"]["headers"] is None:
            entry["kong"]["headers"] = None
        else:
            entry["kong"]["headers"] = {}
        try:
            config.change("routes", entry, kong, self._world.clock.now())
        except Taken as exc:
            raise ApiError(
                "InvalidParameterValue.ResourceAlreadyExist", f"route {exc} exists"
            ) from exc
        except SchemaViolation as exc:
            raise ApiError("InvalidParameterValue.UpdateError", str(exc)) from exc
        entry["tse"] = tse
        config.save("routes", entry)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def delete(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        config.drop("routes", self.find(config, ask["Name"]))
        self._world.gateway.sync(config.gateway_id)
        return {}

    def describe(self, ask: Ask) -> Answer:
        """Routes of the gateway.  Limit is 0 unless given, so the list is empty then."""
        config = self._instances.config(ask["GatewayId"])
        wanted = {entry.get("Key"): entry.get("Value") for entry in ask.get("Filters", [])}
        known = {"name", "path", "host", "method", "service", "protocol"}
        if unknown := set(wanted) - known:
            raise ApiError("InvalidParameterValue", f"unknown filters {unknown}")
        rows = [
            entry for entry in config.all("routes") if self._matches(config, entry, ask, wanted)
        ]
        rows.sort(key=lambda entry: -entry["kong"]["created_at"])
        return {
            "Result": {
                "TotalCount": len(rows),
                "RouteList": [
                    self.shown(config, entry) for entry in ask.page(rows, default=0, most=1000)
                ],
            }
        }

    def _matches(self, config: Config, entry: Document, ask: Ask, wanted: dict[Any, Any]) -> bool:
        kong = entry["kong"]
        service = self._service_name(config, entry)
        if ask.get("RouteName", kong["name"]) != kong["name"]:
            return False
        if ask.get("ServiceName", service) != service:
            return False
        have = {
            "name": [kong["name"] or ""],
            "path": kong["paths"] or [],
            "host": kong["hosts"] or [],
            "method": kong["methods"] or ["ANY"],
            "service": [service],
            "protocol": kong["protocols"],
        }
        return all(any(value in text for text in have[key]) for key, value in wanted.items())

    def _service_name(self, config: Config, entry: Document) -> str:
        reference = entry["kong"]["service"]
        if reference is None:
            return ""
        return str(config.find("services", reference["id"])["kong"]["name"])

    def shown(self, config: Config, entry: Document) -> dict[str, Any]:
        kong, tse = entry["kong"], entry["tse"]
        return {
            "ID": kong["id"],
            "Name": kong["name"],
            "Methods": ["ANY"] if tse.get("any") or not kong["methods"] else kong["methods"],
            "Paths": kong["paths"],
            "Hosts": kong["hosts"],
            "Protocols": kong["protocols"],
            "PreserveHost": kong["preserve_host"],
            "HttpsRedirectStatusCode": kong["https_redirect_status_code"],
            "StripPath": kong["strip_path"],
            "CreatedTime": beijing(kong["created_at"]),
            "ServiceName": self._service_name(config, entry),
            "ServiceID": (kong["service"] or {}).get("id", ""),
            "DestinationPorts": tse.get("ports") or None,
            "Headers": [
                {"Key": key, "Value": value}
                for key, values in (kong["headers"] or {}).items()
                for value in values
            ]
            or None,
            "RequestBuffering": kong["request_buffering"],
            "ResponseBuffering": kong["response_buffering"],
            "RegexPriority": kong["regex_priority"],
            "QueryStringParameters": tse.get("query") or None,
            "RouteSource": "Original",
        }

    def describe_tree(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        rows = config.all("services")
        return {
            "Result": {
                "TotalCount": len(rows),
                "ServiceList": [
                    {
                        "Service": self._services.preview(config, entry),
                        "Routes": [self.shown(config, route) for route in routes_of(config, entry)],
                        "RouteTotalCount": len(routes_of(config, entry)),
                        "RouteHasMore": False,
                    }
                    for entry in ask.page(rows)
                ],
            }
        }
