"""TSE: IP restrictions, CORS and canary rules of routes and services."""

from ipaddress import ip_network
from typing import Any

from sandbox.gateway.config import Config
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.tse import GatewayInstances
from sandbox.tencent.tse_routes import GatewayRoutes
from sandbox.tencent.tse_services import GatewayServices
from sandbox.world import World

CONDITIONS = ("path", "method", "query", "header", "cookie", "body", "system")
OPERATORS = ("le", "eq", "lt", "ne", "ge", "gt", "regex", "exists", "in", "not in", "prefix",
             "exact")  # fmt: skip


class Guards:
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
            "CreateOrModifyCloudNativeAPIGatewayIPRestriction": self.restriction_set,
            "DescribeCloudNativeAPIGatewayIPRestriction": self.describe_restriction,
            "DeleteCloudNativeAPIGatewayIPRestriction": self.restriction_delete,
            "CreateOrModifyCloudNativeAPIGatewayCORS": self.cors_set,
            "DescribeCloudNativeAPIGatewayCORS": self.describe_cors,
            "DeleteCloudNativeAPIGatewayCORS": self.cors_delete,
            "CreateCloudNativeAPIGatewayCanaryRule": self.canary_create,
            "ModifyCloudNativeAPIGatewayCanaryRule": self.canary_modify,
            "DeleteCloudNativeAPIGatewayCanaryRule": self.canary_delete,
            "DescribeCloudNativeAPIGatewayCanaryRules": self.describe_canary,
        }

    # -- plug-ins bound to a route or a service

    def _subject(self, ask: Ask) -> tuple[Config, str, str]:
        config = self._instances.config(ask["GatewayId"])
        member = ask.choice("SourceType", ("route", "service"))
        found = (
            self._routes.find(config, ask["SourceId"])
            if member == "route"
            else self._services.find(config, ask["SourceId"])
        )
        return config, member, found["kong"]["id"]

    def _plugin(self, ask: Ask, name: str) -> tuple[Config, Document]:
        config, member, subject_id = self._subject(ask)
        for entry in config.plugins_of(member, subject_id, name):
            return config, entry
        raise ApiError("ResourceNotFound.ResourceNotFound", f"there is no {name} setting")

    def _set(self, ask: Ask, name: str, settings: dict[str, Any]) -> Answer:
        config, member, subject_id = self._subject(ask)
        now = self._world.clock.now()
        body = {"enabled": ask["Enabled"], "config": settings}
        existing = config.plugins_of(member, subject_id, name)
        if existing:
            config.change("plugins", existing[0], body, now)
        else:
            config.create("plugins", {"name": name, member: {"id": subject_id}, **body}, now)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def _drop(self, ask: Ask, name: str) -> Answer:
        config, entry = self._plugin(ask, name)
        config.drop("plugins", entry)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def restriction_set(self, ask: Ask) -> Answer:
        kind = ask.choice("RestrictionType", ("whiteList", "blackList"))
        addresses = ask["AddressList"]
        if not addresses:
            raise ApiError("InvalidParameterValue.InvalidParameterValue", "AddressList is empty")
        for address in addresses:
            try:
                ip_network(address, strict=False)
            except ValueError as exc:
                raise ApiError("InvalidParameterValue.InvalidParameterValue", str(exc)) from exc
        allow, deny = (addresses, None) if kind == "whiteList" else (None, addresses)
        return self._set(ask, "ip-restriction", {"allow": allow, "deny": deny})

    def describe_restriction(self, ask: Ask) -> Answer:
        _, entry = self._plugin(ask, "ip-restriction")
        settings = entry["kong"]["config"]
        return {
            "Result": {
                "SourceType": ask["SourceType"],
                "SourceId": ask["SourceId"],
                "Enabled": entry["kong"]["enabled"],
                "RestrictionType": "whiteList" if settings["allow"] else "blackList",
                "AddressList": settings["allow"] or settings["deny"],
            }
        }

    def restriction_delete(self, ask: Ask) -> Answer:
        return self._drop(ask, "ip-restriction")

    def cors_set(self, ask: Ask) -> Answer:
        settings = {
            "origins": ask.get("Origins") or None,
            "headers": ask.get("Headers") or None,
            "exposed_headers": ask.get("ExposedHeaders") or None,
            "credentials": ask.get("Credentials", False),
            "max_age": ask.get("MaxAge"),
            "preflight_continue": ask.get("PreFlightContinue", False),
        }
        if ask.get("Methods"):
            settings["methods"] = ask["Methods"]
        return self._set(ask, "cors", settings)

    def describe_cors(self, ask: Ask) -> Answer:
        _, entry = self._plugin(ask, "cors")
        settings = entry["kong"]["config"]
        return {
            "Result": {
                "SourceType": ask["SourceType"],
                "SourceId": ask["SourceId"],
                "Enabled": entry["kong"]["enabled"],
                "Origins": settings["origins"],
                "Headers": settings["headers"],
                "Methods": settings["methods"],
                "ExposedHeaders": settings["exposed_headers"],
                "MaxAge": settings["max_age"],
                "Credentials": settings["credentials"],
                "PreFlightContinue": settings["preflight_continue"],
            }
        }

    def cors_delete(self, ask: Ask) -> Answer:
        return self._drop(ask, "cors")

    # -- canary

    def _canary(self, ask: Ask) -> tuple[Config, Document, list[dict[str, Any]]]:
        config = self._instances.config(ask["GatewayId"])
        service = self._services.find(config, ask["ServiceId"])
        return config, service, service["tse"].setdefault("canary", [])

    def _keep(self, config: Config, service: Document) -> Answer:
        service["tse"]["canary"].sort(key=lambda rule: -rule["Priority"])
        config.save("services", service)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def _read_rules(self, ask: Ask, config: Config) -> list[dict[str, Any]]:
        given = ask.get("CanaryRuleList") or []
        rules = [entry.get("CanaryRule", entry) for entry in given]
        if ask.get("CanaryRule"):
            rules.append(ask["CanaryRule"])
        if not rules:
            raise ApiError("MissingParameter.MissingParameter", "CanaryRule is needed")
        return [self._read_rule(rule, config) for rule in rules]

    def _read_rule(self, rule: dict[str, Any], config: Config) -> dict[str, Any]:
        if not 0 <= rule.get("Priority", -1) <= 100:
            _reject("Priority is between 0 and 100")
        for condition in rule.get("ConditionList") or []:
            if condition.get("Type") not in CONDITIONS:
                _reject(f"the condition type {condition.get('Type')} is unknown")
            if condition.get("Operator") not in (None, *OPERATORS):
                _reject(f"the operator {condition.get('Operator')} is unknown")
        balanced = rule.get("BalancedServiceList") or []
        for entry in balanced:
            service = self._services.find(config, entry.get("ServiceID", ""))
            entry["ServiceName"] = service["kong"]["name"]
            entry["UpstreamName"] = service["kong"]["host"]
            entry.setdefault("Percent", 100.0)
        if not balanced or abs(sum(entry["Percent"] for entry in balanced) - 100) > 0.01:
            _reject("the Percent of BalancedServiceList add up to 100")
        return {"RuleType": "Standard", **rule}

    def canary_create(self, ask: Ask) -> Answer:
        config, service, rules = self._canary(ask)
        for rule in self._read_rules(ask, config):
            if any(other["Priority"] == rule["Priority"] for other in rules):
                raise ApiError(
                    "InvalidParameterValue.ResourceAlreadyExist",
                    f"a rule of priority {rule['Priority']} exists",
                )
            rules.append(rule)
        return self._keep(config, service)

    def canary_modify(self, ask: Ask) -> Answer:
        config, service, rules = self._canary(ask)
        changed = self._read_rules(ask, config)
        listed = [entry.get("Priority") for entry in ask.get("CanaryRuleList") or []]
        old = [*listed, ask.get("Priority")] if ask.get("CanaryRule") else listed
        for priority, rule in zip(old, changed, strict=True):
            number = rule["Priority"] if priority is None else priority
            match = [other for other in rules if other["Priority"] == number]
            if not match:
                raise ApiError("ResourceNotFound.ResourceNotFound", f"no rule of priority {number}")
            rules[rules.index(match[0])] = rule
        return self._keep(config, service)

    def canary_delete(self, ask: Ask) -> Answer:
        config, service, rules = self._canary(ask)
        gone = [*ask.get("PriorityList", [])]
        if ask.get("Priority") is not None:
            gone.append(ask["Priority"])
        if not gone:
            gone = [rule["Priority"] for rule in rules]
        if missing := set(gone) - {rule["Priority"] for rule in rules}:
            raise ApiError(
                "ResourceNotFound.ResourceNotFound", f"no rules of priority {sorted(missing)}"
            )
        service["tse"]["canary"] = [rule for rule in rules if rule["Priority"] not in gone]
        return self._keep(config, service)

    def describe_canary(self, ask: Ask) -> Answer:
        _, service, rules = self._canary(ask)
        shown = [
            {
                **rule,
                "ServiceId": service["kong"]["id"],
                "ServiceName": service["kong"]["name"],
            }
            for rule in rules
        ]
        return {"Result": {"CanaryRuleList": ask.page(shown), "TotalCount": len(shown)}}


def _reject(message: str) -> None:
    raise ApiError("InvalidParameterValue.InvalidParameterValue", message)
