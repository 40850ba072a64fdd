"""TSE: services of a gateway, their pods, and the health checks that take pods out."""

from typing import Any

from cloud.access import Access
from cloud.errors import NotFound
from cloud.reading import Data, flag, part, parts, text, texts, when, whole
from cloud.tencent import rows
from cloud.tse import VERSION, ask, gone
from cloud.tse_routes import read_route
from cloud.types import (
    Created,
    Done,
    GatewayService,
    HealthCheck,
    ServiceSpec,
    ServiceWithRoutes,
    Target,
    Upstream,
)


def services(access: Access, gateway_id: str) -> tuple[GatewayService, ...]:
    """All services; protocol, timeout and retries are only in the detail."""
    found = rows(
        access,
        "tse",
        VERSION,
        "DescribeCloudNativeAPIGatewayServices",
        {"GatewayId": gateway_id},
        member="ServiceList",
        within="Result",
    )
    return tuple(_service(one) for one in found)


def service(access: Access, gateway_id: str, name_or_id: str) -> GatewayService | None:
    body = {"GatewayId": gateway_id, "Name": name_or_id}
    try:
        found = ask(access, "DescribeOneCloudNativeAPIGatewayService", body).result()
    except NotFound:
        return None
    return _service(found) if text(found, "ID") else None


def service_tree(access: Access, gateway_id: str) -> tuple[ServiceWithRoutes, ...]:
    """Services with their first routes in one go; `route_count` tells of more."""
    found = rows(
        access,
        "tse",
        VERSION,
        "DescribeCNGWServicesWithRoutes",
        {"GatewayId": gateway_id},
        member="ServiceList",
        within="Result",
    )
    return tuple(
        ServiceWithRoutes(
            _service(part(one, "Service")),
            tuple(read_route(route) for route in parts(one, "Routes")),
            whole(one, "RouteTotalCount"),
        )
        for one in found
    )


def service_create(access: Access, gateway_id: str, spec: ServiceSpec) -> Created:
    """The id is "" when the answer leaves it out: then look the service up by name."""
    body = {"GatewayId": gateway_id, **_body(spec)}
    answer = ask(access, "CreateCloudNativeAPIGatewayService", body)
    return Created(text(answer.result(), "ServiceId"), answer.request_id)


def service_modify(access: Access, gateway_id: str, service_id: str, spec: ServiceSpec) -> Done:
    """Replaces the service; read its upstream's hash key afterwards, it may be lost."""
    body = {"GatewayId": gateway_id, "ID": service_id, **_body(spec)}
    return Done(ask(access, "ModifyCloudNativeAPIGatewayService", body).request_id)


def service_delete(access: Access, gateway_id: str, name_or_id: str) -> Done:
    """Raises if routes still point at it."""
    body = {"GatewayId": gateway_id, "Name": name_or_id}
    return gone(access, "DeleteCloudNativeAPIGatewayService", body)


def upstream(access: Access, gateway_id: str, service_name: str) -> Upstream | None:
    """The Kong upstream of a service with its pods as the gateway sees them."""
    body = {"GatewayId": gateway_id, "ServiceName": service_name}
    try:
        found = ask(access, "DescribeCloudNativeAPIGatewayUpstream", body).result()
    except NotFound:
        return None
    first = next(iter(parts(found, "UpstreamList")), None)
    if first is None:
        return None
    return Upstream(text(first, "ID"), text(first, "Name"), _targets(first, "Target"))


def node_status_set(
    access: Access, gateway_id: str, service_name: str, host: str, port: int, *, healthy: bool
) -> Done:
    """Take one pod out of the rotation, or back in."""
    body = {
        "GatewayId": gateway_id,
        "ServiceName": service_name,
        "Host": host,
        "Port": port,
        "Status": "HEALTHY" if healthy else "UNHEALTHY",
    }
    return Done(ask(access, "ModifyUpstreamNodeStatus", body).request_id)


def health_check(access: Access, gateway_id: str, service_name: str) -> HealthCheck | None:
    body = {"GatewayId": gateway_id, "Name": service_name}
    try:
        found = ask(access, "DescribeUpstreamHealthCheckConfig", body).result()
    except NotFound:
        return None
    if not found:
        return None
    active, passive = part(found, "ActiveHealthCheck"), part(found, "PassiveHealthCheck")
    return HealthCheck(
        active=flag(found, "EnableActiveHealthCheck"),
        passive=flag(found, "EnablePassiveHealthCheck"),
        path=text(active, "HttpPath", "/"),
        healthy_interval_s=whole(active, "HealthyInterval"),
        unhealthy_interval_s=whole(active, "UnHealthyInterval"),
        timeout_s=float(active.get("Timeout") or 0.0),
        host_header=text(active, "HostHeader"),
        passive_type=text(passive, "Type", "http"),
        successes=whole(found, "Successes"),
        failures=whole(found, "Failures"),
        timeouts=whole(found, "Timeouts"),
        healthy_statuses=tuple(int(one) for one in texts(found, "HealthyHttpStatuses")),
        unhealthy_statuses=tuple(int(one) for one in texts(found, "UnhealthyHttpStatuses")),
    )


def health_check_set(
    access: Access, gateway_id: str, service_name: str, check: HealthCheck
) -> Done:
    conf: dict[str, Any] = {
        "EnableActiveHealthCheck": check.active,
        "EnablePassiveHealthCheck": check.passive,
        "Successes": check.successes,
        "Failures": check.failures,
        "Timeouts": check.timeouts,
        "HealthyHttpStatuses": list(check.healthy_statuses),
        "UnhealthyHttpStatuses": list(check.unhealthy_statuses),
    }
    if check.active:
        conf["ActiveHealthCheck"] = {
            "HealthyInterval": check.healthy_interval_s,
            "UnHealthyInterval": check.unhealthy_interval_s,
            "HttpPath": check.path,
            "Timeout": check.timeout_s,
            **({"HostHeader": check.host_header} if check.host_header else {}),
        }
    if check.passive:
        conf["PassiveHealthCheck"] = {"Type": check.passive_type}
    body = {"GatewayId": gateway_id, "Name": service_name, "HealthCheckConfig": conf}
    return Done(ask(access, "UpdateUpstreamHealthCheckConfig", body).request_id)


def _body(spec: ServiceSpec) -> dict[str, Any]:
    upstream: dict[str, Any] = {"Algorithm": spec.algorithm}
    if spec.upstream_type == "IPList":
        upstream["Targets"] = [
            {"Host": one.host, "Port": one.port, "Weight": one.weight} for one in spec.fixed_targets
        ]
    elif spec.upstream_type == "HostIP":
        upstream |= {"Host": spec.host, "Port": spec.port}
    else:
        upstream |= {
            "SourceID": spec.source_id,
            "SourceType": spec.source_type,
            "Namespace": spec.namespace,
            "ServiceName": spec.service_name,
            "Port": spec.port,
        }
    return {
        "Name": spec.name,
        "Protocol": spec.protocol,
        "Timeout": spec.timeout_ms,
        "Retries": spec.retries,
        "UpstreamType": spec.upstream_type,
        "UpstreamInfo": upstream,
        "Path": spec.path or None,
    }


def _service(one: Data) -> GatewayService:
    found = part(one, "UpstreamInfo")
    kind = text(one, "UpstreamType")
    targets = _targets(found, "Targets")
    # What does not bind a service of this kind stays at its default, as in a wish.
    bound: Data = {} if kind in ("IPList", "HostIP") else found
    spec = ServiceSpec(
        name=text(one, "Name"),
        source_id=text(bound, "SourceID"),
        namespace=text(bound, "Namespace"),
        service_name=text(bound, "ServiceName"),
        port=0 if kind == "IPList" else whole(found, "Port"),
        source_type=text(bound, "SourceType", "TKE"),
        upstream_type=kind,
        protocol=text(one, "Protocol"),
        timeout_ms=whole(one, "Timeout"),
        retries=whole(one, "Retries", -1),
        algorithm=text(found, "Algorithm", "round-robin"),
        path=text(one, "Path"),
        host=text(found, "Host") if kind == "HostIP" else "",
        fixed_targets=tuple(Target(at.host, at.port, at.weight) for at in targets)
        if kind == "IPList"
        else (),
    )
    return GatewayService(
        id=text(one, "ID"),
        spec=spec,
        health=text(found, "HealthStatus"),
        targets=targets,
        tags=texts(one, "Tags"),
        editable=flag(one, "Editable", True),
        created_at=when(one.get("CreatedTime")),
    )


def _targets(found: Data, member: str) -> tuple[Target, ...]:
    return tuple(
        Target(
            text(one, "Host"), whole(one, "Port"), whole(one, "Weight", 100), text(one, "Health")
        )
        for one in parts(found, member)
    )
