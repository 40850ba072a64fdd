"""TSE: cloud-native gateways, the way into their console, and the clusters they are bound to.

Services are in tse_services, routes in tse_routes, limits and canaries in tse_rules.
"""

from typing import Any

from cloud.access import Access
from cloud.errors import AlreadyExists, NotFound
from cloud.reading import Data, part, parts, text, texts, when, whole
from cloud.tencent import Answer, call, need, rows
from cloud.types import Created, Done, Gateway, GatewayConsole, GatewayShape, Source

VERSION = "2020-12-07"


def gateways(access: Access, *, name: str = "") -> tuple[Gateway, ...]:
    """All gateways of the region, or those of exactly this name."""
    body = {"Filters": [{"Name": "Name", "Values": [name]}]} if name else {}
    found = rows(
        access,
        "tse",
        VERSION,
        "DescribeCloudNativeAPIGateways",
        body,
        member="GatewayList",
        within="Result",
    )
    return tuple(one for one in map(_gateway, found) if not name or one.name == name)


def gateway(access: Access, gateway_id: str) -> Gateway | None:
    try:
        answer = ask(access, "DescribeCloudNativeAPIGateway", {"GatewayId": gateway_id})
    except NotFound:
        return None
    found = answer.result()
    return _gateway(found) if text(found, "GatewayId") else None


def gateway_create(access: Access, shape: GatewayShape) -> Created:
    """Not safe to repeat, and it costs money: look for `shape.name` after a lost answer."""
    body: dict[str, Any] = {
        "Name": shape.name,
        "Type": "kong",
        "GatewayVersion": shape.version,
        "NodeConfig": {"Specification": shape.specification, "Number": shape.nodes},
        "VpcConfig": {"VpcId": shape.vpc_id, "SubnetId": shape.subnet_id},
        "Description": shape.description or None,
    }
    if shape.bandwidth_mbps:
        body["InternetConfig"] = {
            "InternetAddressVersion": "IPV4",
            "InternetPayMode": "BANDWIDTH",
            "InternetMaxBandwidthOut": shape.bandwidth_mbps,
        }
    answer = ask(access, "CreateCloudNativeAPIGateway", body)
    return Created(need(answer, answer.result(), "GatewayId"), answer.request_id)


def gateway_modify(access: Access, gateway_id: str, *, name: str, description: str) -> Done:
    body = {"GatewayId": gateway_id, "Name": name, "Description": description}
    return Done(ask(access, "ModifyCloudNativeAPIGateway", body).request_id)


def gateway_delete(access: Access, gateway_id: str) -> Done:
    return gone(access, "DeleteCloudNativeAPIGateway", {"GatewayId": gateway_id})


def public_addresses(access: Access, gateway_id: str) -> tuple[str, ...]:
    """Public IPs of the gateway."""
    try:
        answer = ask(access, "DescribePublicAddressConfig", {"GatewayId": gateway_id})
    except NotFound:
        return ()
    found = parts(answer.result(), "ConfigList")
    return tuple(text(one, "Vip") for one in found if text(one, "Vip"))


def consoles(access: Access, gateway_id: str) -> tuple[GatewayConsole, ...]:
    """The consoles (Konga or Kong Admin) with their admin login: secrets."""
    answer = ask(access, "DescribeCloudNativeAPIGatewayConfig", {"GatewayId": gateway_id})
    return tuple(
        GatewayConsole(
            kind=text(one, "ConsoleType"),
            status=text(one, "Status"),
            http_url=text(one, "HttpUrl"),
            https_url=text(one, "HttpsUrl"),
            user=text(one, "AdminUser"),
            password=text(one, "AdminPassword"),
        )
        for one in parts(answer.result(), "ConfigList")
    )


def console_open(access: Access, gateway_id: str, *, allow: tuple[str, ...]) -> Done:
    """Open the console to the addresses in `allow` (CIDR) only; takes a while."""
    body = {
        "GatewayId": gateway_id,
        "NetworkType": "Open",
        "Operate": "Open",
        "AccessControl": {"Mode": "Whitelist", "CidrWhiteList": list(allow)},
    }
    return Done(ask(access, "ModifyConsoleNetwork", body).request_id)


def console_close(access: Access, gateway_id: str) -> Done:
    body = {"GatewayId": gateway_id, "NetworkType": "Open", "Operate": "Close"}
    return Done(ask(access, "ModifyConsoleNetwork", body).request_id)


def sources(access: Access, gateway_id: str) -> tuple[Source, ...]:
    """What the gateway finds services in."""
    found = rows(
        access,
        "tse",
        VERSION,
        "DescribeNativeGatewayServiceSources",
        {"GatewayID": gateway_id},  # capital D, here only
        member="List",
        total="Total",
    )
    return tuple(
        Source(
            text(one, "SourceID"),
            text(one, "SourceName"),
            text(one, "SourceType"),
            when(one.get("CreateTime")),
        )
        for one in found
    )


def source(access: Access, gateway_id: str, source_id: str) -> Source | None:
    try:
        return next((one for one in sources(access, gateway_id) if one.id == source_id), None)
    except NotFound:
        return None


def source_create(
    access: Access, gateway_id: str, source_id: str, name: str, kind: str = "TKE"
) -> Done:
    """Bind a cluster (`source_id` = its cls- id).  Binding it twice counts as done."""
    body = {
        "GatewayID": gateway_id,
        "SourceType": kind,
        "SourceID": source_id,
        "SourceName": name,
    }
    try:
        return Done(ask(access, "CreateNativeGatewayServiceSource", body).request_id)
    except AlreadyExists as made:
        return Done(made.request_id)


def source_rename(access: Access, gateway_id: str, source_id: str, name: str) -> Done:
    body = {"GatewayID": gateway_id, "SourceID": source_id, "SourceName": name}
    return Done(ask(access, "ModifyNativeGatewayServiceSource", body).request_id)


def source_delete(access: Access, gateway_id: str, source_id: str) -> Done:
    """Raises Busy while services still use it."""
    body = {"GatewayID": gateway_id, "SourceID": source_id}
    return gone(access, "DeleteNativeGatewayServiceSource", body)


def ask(access: Access, action: str, body: dict[str, Any]) -> Answer:
    return call(access, "tse", VERSION, action, body)


def gone(access: Access, action: str, body: dict[str, Any]) -> Done:
    """A deleting call; deleting what is not there succeeds."""
    try:
        return Done(ask(access, action, body).request_id)
    except NotFound as missing:
        return Done(missing.request_id)


def _gateway(one: Data) -> Gateway:
    node, network = part(one, "NodeConfig"), part(one, "VpcConfig")
    ports = part(one, "InstancePort")
    return Gateway(
        id=text(one, "GatewayId"),
        name=text(one, "Name"),
        status=text(one, "Status"),
        version=text(one, "GatewayVersion"),
        specification=text(node, "Specification"),
        nodes=whole(node, "Number"),
        vpc_id=text(network, "VpcId"),
        subnet_id=text(network, "SubnetId"),
        public_ips=texts(one, "PublicIpAddresses"),
        http_port=text(ports, "HttpPort"),
        https_port=text(ports, "HttpsPort"),
        description=text(one, "Description"),
        created_at=when(one.get("CreateTime")),
    )
