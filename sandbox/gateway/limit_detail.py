"""Tencent's LimitDetail and Kong's rate-limiting plug-in, each told in the words of the other."""

from typing import Any

from sandbox.gateway.shapes import UNITS, Entity

LimitDetail = dict[str, Any]


def kong_from_detail(detail: LimitDetail) -> Entity:
    """Members of the plug-in entity; what Kong has no word for stays in the detail alone."""
    thresholds = {
        entry["Unit"]: entry["Max"]
        for entry in detail.get("QpsThresholds") or detail.get("BasicLimitQpsThresholds") or []
    }
    if not thresholds:
        rules = detail.get("LimitRules") or [{}]
        thresholds = {e["Unit"]: e["Max"] for e in rules[0].get("QpsThresholds") or []}
    redis = detail.get("ExternalRedis") or {}
    return {
        "enabled": detail["Enabled"],
        "config": {
            **{unit: thresholds.get(unit) for unit in UNITS},
            "limit_by": detail["LimitBy"],
            "policy": "local" if detail["Policy"] == "local" else "redis",
            "path": detail.get("Path"),
            "header_name": detail.get("Header"),
            "hide_client_headers": detail["HideClientHeaders"],
            "redis_host": redis.get("RedisHost"),
            "redis_port": redis.get("RedisPort", 6379),
            "redis_timeout": redis.get("RedisTimeout", 2000),
        },
    }


def detail_from_kong(plugin: Entity) -> LimitDetail:
    """The LimitDetail of a plug-in that was made or changed through Kong's own API."""
    config = plugin["config"]
    detail: LimitDetail = {
        "Enabled": plugin["enabled"],
        "QpsThresholds": [
            {"Unit": unit, "Max": config[unit]} for unit in UNITS if config[unit] is not None
        ],
        "LimitBy": config["limit_by"],
        "Policy": "local" if config["policy"] == "local" else "redis",
        "ResponseType": "default",
        "HideClientHeaders": config["hide_client_headers"],
        "IsDelay": False,
    }
    if config["path"]:
        detail["Path"] = config["path"]
    if config["header_name"]:
        detail["Header"] = config["header_name"]
    return detail
