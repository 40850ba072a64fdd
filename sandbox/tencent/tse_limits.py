"""TSE rate limits: one LimitDetail per route and per service, kept as a Kong plug-in."""

from typing import Any

from sandbox.gateway.config import Config
from sandbox.gateway.limit_detail import LimitDetail, detail_from_kong, kong_from_detail
from sandbox.gateway.shapes import UNITS
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.tse import GatewayInstances
from sandbox.tencent.tse_routes import GatewayRoutes
from sandbox.tencent.tse_services import GatewayServices
from sandbox.world import World

PLUGIN = "rate-limiting"
LIMIT_BY = ("ip", "service", "consumer", "credential", "path", "header")
POLICIES = ("local", "redis", "external_redis")
RESPONSES = ("default", "text", "url")


class RateLimits:
    def __init__(
        self,
        world: World,
        instances: GatewayInstances,
        services: GatewayServices,
        routes: GatewayRoutes,
    ) -> None:
        self._world = world
        self._instances = instances
        self._services = services
        self._routes = routes

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCloudNativeAPIGatewayRouteRateLimit": self.create,
            "ModifyCloudNativeAPIGatewayRouteRateLimit": self.modify,
            "DeleteCloudNativeAPIGatewayRouteRateLimit": self.delete,
            "DescribeCloudNativeAPIGatewayRouteRateLimit": self.describe,
            "CreateCloudNativeAPIGatewayServiceRateLimit": self.create,
            "ModifyCloudNativeAPIGatewayServiceRateLimit": self.modify,
            "DeleteCloudNativeAPIGatewayServiceRateLimit": self.delete,
            "DescribeCloudNativeAPIGatewayServiceRateLimit": self.describe,
        }

    def _subject(self, ask: Ask) -> tuple[Config, str, str]:
        """Configuration, member ("route" or "service") and id of what is limited."""
        config = self._instances.config(ask["GatewayId"])
        if "RouteRateLimit" in ask.action:
            return config, "route", self._routes.find(config, ask["Id"])["kong"]["id"]
        return config, "service", self._services.find(config, ask["Name"])["kong"]["id"]

    def _existing(self, ask: Ask) -> tuple[Config, Document | None]:
        config, member, subject_id = self._subject(ask)
        return config, next(iter(config.plugins_of(member, subject_id, PLUGIN)), None)

    def create(self, ask: Ask) -> Answer:
        config, member, subject_id = self._subject(ask)
        if config.plugins_of(member, subject_id, PLUGIN):
            raise ApiError(
                "InvalidParameterValue.ResourceAlreadyExist", "the rate limit exists already"
            )
        detail = read_detail(ask["LimitDetail"])
        config.create(
            "plugins",
            {"name": PLUGIN, member: {"id": subject_id}, **kong_from_detail(detail)},
            self._world.clock.now(),
            {"detail": detail},
        )
        self._world.gateway.sync(config.gateway_id)
        return {}

    def modify(self, ask: Ask) -> Answer:
        config, entry = self._existing(ask)
        if entry is None:
            raise ApiError("ResourceNotFound.ResourceNotFound", "there is no rate limit")
        detail = read_detail(ask["LimitDetail"])
        config.change("plugins", entry, kong_from_detail(detail), self._world.clock.now())
        entry["tse"] = {"detail": detail}
        config.save("plugins", entry)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def delete(self, ask: Ask) -> Answer:
        config, entry = self._existing(ask)
        if entry is None:
            raise ApiError("ResourceNotFound.ResourceNotFound", "there is no rate limit")
        config.drop("plugins", entry)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def describe(self, ask: Ask) -> Answer:
        _, entry = self._existing(ask)
        if entry is None:
            raise ApiError("ResourceNotFound.ResourceNotFound", "there is no rate limit")
        return {"Result": entry["tse"].get("detail") or detail_from_kong(entry["kong"])}


def read_detail(given: dict[str, Any]) -> LimitDetail:
    """The LimitDetail with its defaults.  Raises InvalidParameterValue."""
    detail: LimitDetail = {name: value for name, value in given.items() if value is not None}
    detail.setdefault("Enabled", True)
    detail.setdefault("LimitBy", "service")
    detail.setdefault("Policy", "local")
    detail.setdefault("ResponseType", "default")
    detail.setdefault("HideClientHeaders", False)
    detail.setdefault("IsDelay", False)
    for name, allowed in (("LimitBy", LIMIT_BY), ("Policy", POLICIES), ("ResponseType", RESPONSES)):
        if detail[name] not in allowed:
            _reject(f"LimitDetail.{name} is one of {', '.join(allowed)}")
    thresholds = [
        *detail.get("QpsThresholds", []),
        *detail.get("BasicLimitQpsThresholds", []),
        *(
            entry
            for rule in detail.get("LimitRules", [])
            for entry in rule.get("QpsThresholds") or []
        ),
    ]
    if not thresholds:
        _reject("LimitDetail.QpsThresholds is empty")
    for entry in thresholds:
        if entry.get("Unit") not in UNITS or entry.get("Max", 0) < 1:
            _reject(f"the threshold {entry} is not valid")
    if detail["LimitBy"] == "path" and not detail.get("Path"):
        _reject("LimitDetail.Path is needed")
    if detail["LimitBy"] == "header" and not detail.get("Header"):
        _reject("LimitDetail.Header is needed")
    if detail["ResponseType"] == "text":
        status = detail.get("RateLimitResponse", {}).get("HttpStatus") or 429
        if not 100 <= status <= 599:
            _reject("RateLimitResponse.HttpStatus is not an HTTP status")
    if detail["ResponseType"] == "url" and not detail.get("RateLimitResponseUrl"):
        _reject("LimitDetail.RateLimitResponseUrl is needed")
    if detail["Policy"] == "external_redis" and not detail.get("ExternalRedis"):
        _reject("LimitDetail.ExternalRedis is needed")
    if detail["IsDelay"] and detail.get("LineUpTime", 0) < 1:
        _reject("LimitDetail.LineUpTime is needed with IsDelay")
    return detail


def _reject(message: str) -> None:
    raise ApiError("InvalidParameterValue.InvalidParameterValue", message)
