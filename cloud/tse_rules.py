"""TSE: rate limits, address lists, CORS and canary rules of routes and services."""

from typing import Any, Literal

from cloud.access import Access
from cloud.errors import NotFound
from cloud.reading import Data, flag, part, parts, text, texts, whole
from cloud.tencent import rows
from cloud.tse import VERSION, ask, gone
from cloud.types import (
    CanaryCondition,
    CanaryRule,
    Done,
    GatewayCors,
    IpRestriction,
    RateLimit,
)

On = Literal["route", "service"]


def rate_limit(access: Access, gateway_id: str, on: On, owner: str) -> RateLimit | None:
    """The limit of a route or service (its name or id); None if it has none."""
    try:
        found = ask(access, _limit("Describe", on), _owner(gateway_id, on, owner)).result()
    except NotFound:
        return None
    if "Enabled" not in found or not parts(found, "QpsThresholds"):
        return None
    answer = part(found, "RateLimitResponse")
    return RateLimit(
        thresholds=tuple(
            (text(one, "Unit"), whole(one, "Max")) for one in parts(found, "QpsThresholds")
        ),
        by=text(found, "LimitBy"),
        enabled=flag(found, "Enabled"),
        policy=text(found, "Policy", "local"),
        path=text(found, "Path"),
        header=text(found, "Header"),
        hide_headers=flag(found, "HideClientHeaders"),
        queue_s=whole(found, "LineUpTime") if flag(found, "IsDelay") else 0,
        answer_status=whole(answer, "HttpStatus"),
        answer_body=text(answer, "Body"),
        answer_headers=tuple(
            (text(one, "Key"), text(one, "Value")) for one in parts(answer, "Headers")
        ),
    )


def rate_limit_create(
    access: Access, gateway_id: str, on: On, owner: str, limit: RateLimit
) -> Done:
    """Each route and service has at most one: modify it if there is one."""
    body = {**_owner(gateway_id, on, owner), "LimitDetail": _detail(limit)}
    return Done(ask(access, _limit("Create", on), body).request_id)


def rate_limit_modify(
    access: Access, gateway_id: str, on: On, owner: str, limit: RateLimit
) -> Done:
    body = {**_owner(gateway_id, on, owner), "LimitDetail": _detail(limit)}
    return Done(ask(access, _limit("Modify", on), body).request_id)


def rate_limit_delete(access: Access, gateway_id: str, on: On, owner: str) -> Done:
    return gone(access, _limit("Delete", on), _owner(gateway_id, on, owner))


def ip_restriction(access: Access, gateway_id: str, on: On, owner_id: str) -> IpRestriction | None:
    body = {"GatewayId": gateway_id, "SourceType": on, "SourceId": owner_id}
    try:
        found = ask(access, "DescribeCloudNativeAPIGatewayIPRestriction", body).result()
    except NotFound:
        return None
    if not text(found, "RestrictionType"):
        return None
    return IpRestriction(
        text(found, "RestrictionType"), texts(found, "AddressList"), flag(found, "Enabled")
    )


def ip_restriction_set(
    access: Access, gateway_id: str, on: On, owner_id: str, rule: IpRestriction
) -> Done:
    body = {
        "GatewayId": gateway_id,
        "SourceType": on,
        "SourceId": owner_id,
        "Enabled": rule.enabled,
        "RestrictionType": rule.kind,
        "AddressList": list(rule.addresses),
    }
    return Done(ask(access, "CreateOrModifyCloudNativeAPIGatewayIPRestriction", body).request_id)


def ip_restriction_delete(access: Access, gateway_id: str, on: On, owner_id: str) -> Done:
    body = {"GatewayId": gateway_id, "SourceType": on, "SourceId": owner_id}
    return gone(access, "DeleteCloudNativeAPIGatewayIPRestriction", body)


def cors(access: Access, gateway_id: str, on: On, owner_id: str) -> GatewayCors | None:
    body = {"GatewayId": gateway_id, "SourceType": on, "SourceId": owner_id}
    try:
        found = ask(access, "DescribeCloudNativeAPIGatewayCORS", body).result()
    except NotFound:
        return None
    if "Enabled" not in found:
        return None
    return GatewayCors(
        origins=texts(found, "Origins"),
        methods=texts(found, "Methods"),
        headers=texts(found, "Headers"),
        exposed_headers=texts(found, "ExposedHeaders"),
        max_age_s=whole(found, "MaxAge"),
        credentials=flag(found, "Credentials"),
        preflight_continue=flag(found, "PreFlightContinue"),
        enabled=flag(found, "Enabled"),
    )


def cors_set(access: Access, gateway_id: str, on: On, owner_id: str, rule: GatewayCors) -> Done:
    body = {
        "GatewayId": gateway_id,
        "SourceType": on,
        "SourceId": owner_id,
        "Enabled": rule.enabled,
        "Origins": list(rule.origins) or None,
        "Headers": list(rule.headers) or None,
        "Methods": list(rule.methods) or None,
        "ExposedHeaders": list(rule.exposed_headers) or None,
        "MaxAge": rule.max_age_s or None,
        "Credentials": rule.credentials,
        "PreFlightContinue": rule.preflight_continue,
    }
    return Done(ask(access, "CreateOrModifyCloudNativeAPIGatewayCORS", body).request_id)


def cors_delete(access: Access, gateway_id: str, on: On, owner_id: str) -> Done:
    body = {"GatewayId": gateway_id, "SourceType": on, "SourceId": owner_id}
    return gone(access, "DeleteCloudNativeAPIGatewayCORS", body)


def canary_rules(access: Access, gateway_id: str, service_id: str) -> tuple[CanaryRule, ...]:
    """By priority.  A rule carries no id of ours: priority and conditions tell it apart."""
    try:
        found = list(
            rows(
                access,
                "tse",
                VERSION,
                "DescribeCloudNativeAPIGatewayCanaryRules",
                {"GatewayId": gateway_id, "ServiceId": service_id},
                member="CanaryRuleList",
                within="Result",
            )
        )
    except NotFound:
        return ()
    return tuple(sorted(map(_canary, found), key=lambda rule: rule.priority))


def canary_rule_create(access: Access, gateway_id: str, service_id: str, rule: CanaryRule) -> Done:
    """Not safe to repeat: look for its priority in `canary_rules` after a lost answer."""
    body = {"GatewayId": gateway_id, "ServiceId": service_id, "CanaryRule": _canary_body(rule)}
    return Done(ask(access, "CreateCloudNativeAPIGatewayCanaryRule", body).request_id)


def canary_rule_modify(access: Access, gateway_id: str, service_id: str, rule: CanaryRule) -> Done:
    body = {
        "GatewayId": gateway_id,
        "ServiceId": service_id,
        "Priority": rule.priority,
        "CanaryRule": _canary_body(rule),
    }
    return Done(ask(access, "ModifyCloudNativeAPIGatewayCanaryRule", body).request_id)


def canary_rule_delete(access: Access, gateway_id: str, service_id: str, priority: int) -> Done:
    body = {"GatewayId": gateway_id, "ServiceId": service_id, "Priority": priority}
    return gone(access, "DeleteCloudNativeAPIGatewayCanaryRule", body)


def _limit(verb: str, on: On) -> str:
    return f"{verb}CloudNativeAPIGateway{on.capitalize()}RateLimit"


def _owner(gateway_id: str, on: On, owner: str) -> dict[str, Any]:
    """Routes are named by Id, services by Name; both take an id or a name."""
    return {"GatewayId": gateway_id, ("Id" if on == "route" else "Name"): owner}


def _detail(limit: RateLimit) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "Enabled": limit.enabled,
        "QpsThresholds": [{"Unit": unit, "Max": most} for unit, most in limit.thresholds],
        "LimitBy": limit.by,
        "Policy": limit.policy,
        "HideClientHeaders": limit.hide_headers,
        "IsDelay": limit.queue_s > 0,
        "ResponseType": "text" if limit.answer_status else "default",
    }
    if limit.path:
        detail["Path"] = limit.path
    if limit.header:
        detail["Header"] = limit.header
    if limit.queue_s:
        detail["LineUpTime"] = limit.queue_s
    if limit.answer_status:
        detail["RateLimitResponse"] = {
            "Body": limit.answer_body,
            "HttpStatus": limit.answer_status,
        }
        if limit.answer_headers:
            detail["RateLimitResponse"]["Headers"] = [
                {"Key": key, "Value": value} for key, value in limit.answer_headers
            ]
    return detail


def _canary(one: Data) -> CanaryRule:
    return CanaryRule(
        priority=whole(one, "Priority"),
        shares=tuple(
            (text(share, "ServiceID"), float(share.get("Percent") or 0.0))
            for share in parts(one, "BalancedServiceList")
        ),
        conditions=tuple(
            CanaryCondition(
                text(part_, "Type"),
                text(part_, "Key"),
                text(part_, "Operator"),
                text(part_, "Value"),
            )
            for part_ in parts(one, "ConditionList")
        ),
        enabled=flag(one, "Enabled"),
    )


def _canary_body(rule: CanaryRule) -> dict[str, Any]:
    conditions = [
        {"Type": one.kind, "Key": one.key, "Operator": one.operator, "Value": one.value}
        for one in rule.conditions
    ]
    return {
        "Priority": rule.priority,
        "Enabled": rule.enabled,
        "ConditionList": conditions,
        "BalancedServiceList": [
            {"ServiceID": service_id, "Percent": percent} for service_id, percent in rule.shares
        ],
    }
