"""TSE upstreams: the pods behind a service, taking one out, health checks (circuit breaking)."""

from typing import Any

from sandbox.gateway.config import Config
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.tse import GatewayInstances
from sandbox.tencent.tse_services import GatewayServices, service_type, target_shown
from sandbox.world import World


class GatewayUpstreams:
    def __init__(
        self, world: World, instances: GatewayInstances, services: GatewayServices
    ) -> None:
        self._world = world
        self._instances = instances
        self._services = services

    def handlers(self) -> dict[str, Handler]:
        return {
            "DescribeCloudNativeAPIGatewayUpstream": self.describe,
            "UpdateUpstreamTargets": self.change_targets,
            "ModifyUpstreamNodeStatus": self.change_node,
            "UpdateUpstreamHealthCheckConfig": self.change_health_check,
            "DescribeUpstreamHealthCheckConfig": self.describe_health_check,
        }

    def _find(self, ask: Ask, member: str) -> tuple[Config, Document, Document]:
        config = self._instances.config(ask["GatewayId"])
        service = self._services.find(config, ask[member])
        upstream = config.upstream_of(service)
        if upstream is None:
            raise ApiError("ResourceNotFound.ResourceNotFound", "the service has no upstream")
        return config, service, upstream

    def describe(self, ask: Ask) -> Answer:
        config, _, upstream = self._find(ask, "ServiceName")
        targets = self._world.gateway.targets(config.gateway_id, upstream)
        return {
            "Result": {
                "UpstreamList": [
                    {
                        "ID": upstream["kong"]["id"],
                        "Name": upstream["kong"]["name"],
                        "Target": [target_shown(target) for target in targets],
                    }
                ]
            }
        }

    def change_targets(self, ask: Ask) -> Answer:
        config, service, upstream = self._find(ask, "Name")
        if service_type(service) != "IPList":
            raise ApiError("UnsupportedOperation", "only IPList services have targets of their own")
        self._services.set_targets(
            config, upstream, ask.get("Targets", []), self._world.clock.now()
        )
        self._world.gateway.sync(config.gateway_id)
        return {"Result": True}

    def change_node(self, ask: Ask) -> Answer:
        """Take one pod out of the balancing, or back in."""
        status = ask.choice("Status", ("HEALTHY", "UNHEALTHY"))
        config, _, upstream = self._find(ask, "ServiceName")
        address = f"{ask['Host']}:{ask['Port']}"
        targets = self._world.gateway.targets(config.gateway_id, upstream)
        if address not in {f"{target.host}:{target.port}" for target in targets}:
            raise ApiError("ResourceNotFound.ResourceNotFound", f"no target {address}")
        down = [entry for entry in upstream["tse"].setdefault("down", []) if entry != address]
        if status == "UNHEALTHY":
            down.append(address)
        else:
            self._world.gateway.heal(config.gateway_id, upstream, address)
        upstream["tse"]["down"] = down
        config.save("upstreams", upstream)
        self._world.gateway.sync(config.gateway_id)
        return {"Result": True}

    def change_health_check(self, ask: Ask) -> Answer:
        config, _, upstream = self._find(ask, "Name")
        wish: dict[str, Any] = ask["HealthCheckConfig"]
        config.change(
            "upstreams", upstream, {"healthchecks": kong_checks(wish)}, self._world.clock.now()
        )
        checked = wish.get("EnableActiveHealthCheck") or wish.get("EnablePassiveHealthCheck")
        upstream["tse"]["health"] = wish if checked else None
        config.save("upstreams", upstream)
        self._world.gateway.sync(config.gateway_id)
        return {"Result": True}

    def describe_health_check(self, ask: Ask) -> Answer:
        _, _, upstream = self._find(ask, "Name")
        off = {"EnableActiveHealthCheck": False, "EnablePassiveHealthCheck": False}
        return {"Result": upstream["tse"].get("health") or off}


def kong_checks(wish: dict[str, Any]) -> dict[str, Any]:
    """HealthCheckConfig in the words of a Kong upstream; a count of 0 switches a check off."""
    active = wish.get("ActiveHealthCheck") or {}
    passive = wish.get("PassiveHealthCheck") or {}
    active_on = bool(wish.get("EnableActiveHealthCheck"))
    passive_on = bool(wish.get("EnablePassiveHealthCheck"))
    successes, failures = wish.get("Successes") or 1, wish.get("Failures") or 1
    timeouts = wish.get("Timeouts") or failures
    healthy = wish.get("HealthyHttpStatuses")
    unhealthy = wish.get("UnhealthyHttpStatuses")

    def counts(on: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        good: dict[str, Any] = {"successes": successes * on}
        bad: dict[str, Any] = {
            "http_failures": failures * on,
            "tcp_failures": failures * on,
            "timeouts": timeouts * on,
        }
        if healthy:
            good["http_statuses"] = healthy
        if unhealthy:
            bad["http_statuses"] = unhealthy
        return good, bad

    active_good, active_bad = counts(active_on)
    passive_good, passive_bad = counts(passive_on)
    return {
        "active": {
            "http_path": active.get("HttpPath") or "/",
            "timeout": active.get("Timeout") or 1,
            "healthy": {
                **active_good, "interval": (active.get("HealthyInterval") or 5) * active_on,
            },
            "unhealthy": {
                **active_bad, "interval": (active.get("UnHealthyInterval") or 5) * active_on,
            },
        },
        "passive": {
            "type": passive.get("Type") or "http",
            "healthy": passive_good,
            "unhealthy": passive_bad,
        },
    }  # fmt: skip
