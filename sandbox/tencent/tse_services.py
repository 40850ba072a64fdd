"""TSE: the clusters a gateway reads services from, and the services it forwards to."""

from typing import Any

from sandbox.gateway.config import Config, Missing, Taken
from sandbox.gateway.shapes import SchemaViolation
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing, new_uuid
from sandbox.tencent.tse import GatewayInstances
from sandbox.world import World

SOURCE_TYPES = ("TKE", "EKS", "TSE-Nacos", "TSE-Consul", "PrivateDNS", "Customer-DNS",
                "Customer-Nacos", "Customer-Consul", "TSF")  # fmt: skip
# `consisten_hashing` is how the real API spells it.  There is no member for the hash key.
ALGORITHMS = {
    "round-robin": "round-robin",
    "least-connections": "least-connections",
    "consisten_hashing": "consistent-hashing",
}
UPSTREAM_TYPES = ("Kubernetes", "Registry", "IPList", "HostIP", "Scf")


class GatewayServices:
    def __init__(self, world: World, instances: GatewayInstances) -> None:
        self._world = world
        self._instances = instances
        self.sources = world.store.collection("tse.sources")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateNativeGatewayServiceSource": self.source_create,
            "DescribeNativeGatewayServiceSources": self.describe_sources,
            "ModifyNativeGatewayServiceSource": self.source_modify,
            "DeleteNativeGatewayServiceSource": self.source_delete,
            "CreateCloudNativeAPIGatewayService": self.create,
            "ModifyCloudNativeAPIGatewayService": self.modify,
            "DescribeCloudNativeAPIGatewayServices": self.describe,
            "DescribeOneCloudNativeAPIGatewayService": self.describe_one,
            "DeleteCloudNativeAPIGatewayService": self.delete,
        }

    # -- sources

    def source_create(self, ask: Ask) -> Answer:
        gateway = self._instances.running(ask["GatewayID"])
        kind = ask.choice("SourceType", SOURCE_TYPES)
        source_id = ask.get("SourceID", "")
        if kind in ("TKE", "EKS"):
            if not source_id or not ask.get("SourceName"):
                raise ApiError(
                    "MissingParameter.MissingParameter", "SourceID and SourceName are needed"
                )
            if source_id not in self._world.store.collection("tke.clusters"):
                raise ApiError("InternalError.TKEFailure", f"cluster {source_id} not found")
        else:
            source_id = f"ngw-source-{new_uuid()[:8]}"
        key = f"{gateway['id']}/{source_id}"
        if key in self.sources:
            raise ApiError(
                "InvalidParameterValue.ResourceAlreadyExist", f"source {source_id} is bound"
            )
        now = self._world.clock.now()
        self.sources[key] = {
            "gateway": gateway["id"],
            "id": source_id,
            "name": ask.get("SourceName", source_id),
            "kind": kind,
            "info": ask.get("SourceInfo"),
            "created_at": now,
            "changed_at": now,
        }
        return {"Result": True, "SourceID": source_id}

    def _source(self, ask: Ask) -> Document:
        self._instances.find(ask["GatewayID"])
        row = self.sources.get(f"{ask['GatewayID']}/{ask['SourceID']}")
        if row is None:
            raise ApiError("ResourceNotFound.ResourceNotFound", "no such service source")
        return row

    def describe_sources(self, ask: Ask) -> Answer:
        self._instances.find(ask["GatewayID"])
        kinds = ask.get("SourceTypes", [])
        rows = [
            row
            for row in self.sources.values()
            if row["gateway"] == ask["GatewayID"]
            and (not kinds or row["kind"] in kinds)
            and ask.get("SourceName", "") in row["name"]
            and ask.get("SourceID", row["id"]) == row["id"]
        ]
        if ask.get("OrderField"):
            ask.choice("OrderField", ("SourceName",))
            order = ask.choice("OrderType", ("AES", "DESC"), "AES")  # AES is sic
            rows.sort(key=lambda row: row["name"], reverse=order == "DESC")
        return {
            "Total": len(rows),
            "List": [
                {
                    "GatewayID": row["gateway"],
                    "SourceID": row["id"],
                    "SourceName": row["name"],
                    "SourceType": row["kind"],
                    "SourceInfo": row["info"] or {},
                    "CreateTime": beijing(row["created_at"]),
                    "ModifyTime": beijing(row["changed_at"]),
                }
                for row in ask.page(rows)
            ],
        }

    def source_modify(self, ask: Ask) -> Answer:
        row = self._source(ask)
        row["name"] = ask["SourceName"]
        row["changed_at"] = self._world.clock.now()
        self.sources.save(f"{row['gateway']}/{row['id']}")
        return {}

    def source_delete(self, ask: Ask) -> Answer:
        row = self._source(ask)
        config = self._instances.config(row["gateway"])
        if any(
            entry["tse"].get("info", {}).get("SourceID") == row["id"]
            for entry in config.all("services")
        ):
            raise ApiError(
                "ResourceInUse.GatewayServiceSourceExistService",
                f"services of the gateway use the source {row['id']}",
            )
        del self.sources[f"{row['gateway']}/{row['id']}"]
        return {"Result": True}

    # -- services

    def find(self, config: Config, key: str) -> Document:
        """The service whose id or name is `key`."""
        try:
            return config.find("services", key)
        except Missing:
            raise ApiError(
                "ResourceNotFound.ResourceNotFound", f"service {key} does not exist"
            ) from None

    def create(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        wish = self._wish(ask)
        try:
            config.find("services", ask["Name"])
        except Missing:
            pass
        else:
            raise ApiError(
                "InvalidParameterValue.ResourceAlreadyExist", f"service {ask['Name']} exists"
            )
        now = self._world.clock.now()
        service_id = new_uuid()
        name = f"default-{service_id}"
        try:
            upstream = config.create(
                "upstreams", {"name": name, "algorithm": wish["algorithm"]}, now,
                {"follows": wish["follows"], "down": [], "slow_start": wish["slow_start"]},
            )  # fmt: skip
            config.create(
                "services", {"id": service_id, "host": name, **wish["kong"]}, now, wish["tse"]
            )
        except (SchemaViolation, Taken) as exc:
            raise ApiError("InvalidParameterValue.BadRequestFormat", str(exc)) from exc
        self.set_targets(config, upstream, wish["targets"], now)
        self._world.gateway.sync(config.gateway_id)
        return {"Result": {"ServiceId": service_id}}

    def _wish(self, ask: Ask) -> dict[str, Any]:
        """What the request asks for, in the terms of the configuration."""
        kind = ask.choice("UpstreamType", UPSTREAM_TYPES)
        protocol = ask.choice("Protocol", ("http", "https", "tcp", "udp"))
        timeout_ms = ask.number("Timeout", 1, 2147483646)
        info: dict[str, Any] = ask["UpstreamInfo"]
        algorithm = info.get("Algorithm") or "round-robin"
        if algorithm not in ALGORITHMS:
            raise ApiError("InvalidParameterValue", f"Algorithm {algorithm} is unknown")
        follows: dict[str, Any] | None = None
        targets: list[dict[str, Any]] = []
        if kind == "Kubernetes":
            for member in ("SourceID", "SourceType", "Namespace", "ServiceName", "Port"):
                if not info.get(member):
                    raise ApiError(
                        "MissingParameter.MissingParameter", f"UpstreamInfo.{member} is needed"
                    )
            if f"{ask['GatewayId']}/{info['SourceID']}" not in self.sources:
                raise ApiError(
                    "ResourceNotFound.ResourceNotFound", "the service source is not bound"
                )
            follows = {
                "cluster": info["SourceID"],
                "namespace": info["Namespace"],
                "service": info["ServiceName"],
                "port": info["Port"],
            }
        elif kind == "IPList":
            targets = info.get("Targets") or []
        elif kind == "HostIP":
            if not info.get("Host"):
                raise ApiError("MissingParameter.MissingParameter", "UpstreamInfo.Host is needed")
            targets = [{"Host": info["Host"], "Port": info.get("Port") or 80, "Weight": 100}]
        else:
            raise ApiError("UnsupportedOperation", f"UpstreamType {kind} is not offered here")
        return {
            "algorithm": ALGORITHMS[algorithm],
            "follows": follows,
            "targets": targets,
            "slow_start": info.get("SlowStart", 0),
            "kong": {
                "name": ask["Name"],
                "protocol": protocol,
                "port": info.get("Port") or 80,
                "path": ask.get("Path"),
                "retries": ask.number("Retries", 0, 32767),
                "connect_timeout": timeout_ms,
                "read_timeout": timeout_ms,
                "write_timeout": timeout_ms,
                "tags": [f"TSE-Service-Type:{kind}", f"TSE-Upstream-Algorithm:{algorithm}"],
            },
            "tse": {"type": kind, "info": info},
        }

    def set_targets(
        self, config: Config, upstream: Document, targets: list[dict[str, Any]], now: float
    ) -> None:
        for entry in config.all("targets"):
            if entry["kong"]["upstream"]["id"] == upstream["kong"]["id"]:
                config.drop("targets", entry)
        for target in targets:
            config.create(
                "targets",
                {
                    "target": f"{target['Host']}:{target['Port']}",
                    "weight": target.get("Weight", 100),
                    "upstream": {"id": upstream["kong"]["id"]},
                },
                now,
            )

    def modify(self, ask: Ask) -> Answer:
        """Lay the wish over the service.

        The hash key is not part of the wish: writing the algorithm puts `hash_on` back to none,
        as Tencent's own write of the upstream does.  Whoever set it in Konga has to set it again.
        """
        config = self._instances.config(ask["GatewayId"])
        entry = self.find(config, ask["ID"])
        wish = self._wish(ask)
        now = self._world.clock.now()
        try:
            config.change("services", entry, wish["kong"], now)
        except (SchemaViolation, Taken) as exc:
            raise ApiError("InvalidParameterValue.UpdateError", str(exc)) from exc
        entry["tse"] = {**entry["tse"], **wish["tse"]}
        config.save("services", entry)
        upstream = config.upstream_of(entry)
        if upstream is not None:
            upstream["tse"].update({"follows": wish["follows"], "slow_start": wish["slow_start"]})
            config.change(
                "upstreams", upstream, {"algorithm": wish["algorithm"], "hash_on": "none"}, now
            )
            self.set_targets(config, upstream, wish["targets"], now)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def delete(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        entry = self.find(config, ask["Name"])
        routes = routes_of(config, entry)
        if routes and not ask.get("DeleteRoutes", False):
            raise ApiError("OperationDenied.OperationDenied", "the service still has routes")
        upstream = config.upstream_of(entry)
        config.drop("services", entry)
        if upstream is not None:
            config.drop("upstreams", upstream)
        self._world.gateway.sync(config.gateway_id)
        return {}

    def describe(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        wanted = {entry.get("Key"): entry.get("Value") for entry in ask.get("Filters", [])}
        if unknown := set(wanted) - {"name", "upstreamType", "id", "upstreamInfo"}:
            raise ApiError("InvalidParameterValue", f"unknown filters {unknown}")
        rows = [
            entry
            for entry in config.all("services")
            if (wanted.get("name") or "") in (entry["kong"]["name"] or "")
            and wanted.get("upstreamType", service_type(entry)) == service_type(entry)
        ]
        rows.sort(
            key=lambda entry: entry["kong"]["created_at"],
            reverse=ask.choice("OrderType", ("ASC", "DESC"), "DESC") == "DESC",
        )
        return {
            "Result": {
                "TotalCount": len(rows),
                "ServiceList": [self.preview(config, entry) for entry in ask.page(rows, most=1000)],
            }
        }

    def describe_one(self, ask: Ask) -> Answer:
        config = self._instances.config(ask["GatewayId"])
        entry = self.find(config, ask["Name"])
        kong = entry["kong"]
        return {
            "Result": {
                **self.preview(config, entry),
                "Protocol": kong["protocol"],
                "Timeout": kong["read_timeout"],
                "Retries": kong["retries"],
            }
        }

    def preview(self, config: Config, entry: Document) -> dict[str, Any]:
        kong = entry["kong"]
        return {
            "ID": kong["id"],
            "Name": kong["name"],
            "Tags": kong["tags"] or [],
            "UpstreamType": service_type(entry),
            "UpstreamInfo": self._upstream_info(config, entry),
            "CreatedTime": beijing(kong["created_at"]),
            "Editable": bool(entry["tse"]),
            "Path": kong["path"] or "",
        }

    def _upstream_info(self, config: Config, entry: Document) -> dict[str, Any]:
        upstream = config.upstream_of(entry)
        kong = entry["kong"]
        if upstream is None:
            return {"Host": kong["host"], "Port": kong["port"], "HealthStatus": "NONE"}
        info = dict(entry["tse"].get("info", {}))
        for name in [name for name, value in info.items() if value is None]:
            del info[name]
        written = {kong: tse for tse, kong in ALGORITHMS.items()}
        targets = self._world.gateway.targets(config.gateway_id, upstream)
        info["Algorithm"] = written[upstream["kong"]["algorithm"]]
        info["Targets"] = [target_shown(target) for target in targets] or None
        if service_type(entry) == "HostIP":
            info["Host"] = upstream["kong"]["name"]
        if upstream["tse"].get("follows"):
            source = self.sources.get(f"{config.gateway_id}/{info['SourceID']}", {})
            info["SourceName"] = source.get("name", "")
            info["RealSourceType"] = info["SourceType"]
        if not upstream["tse"].get("health"):
            info["HealthStatus"] = "HEALTHCHECKS_OFF"
        else:
            ill = [target for target in targets if not target.healthy]
            info["HealthStatus"] = "UNHEALTHY" if ill or not targets else "HEALTHY"
        return info


def service_type(entry: Document) -> str:
    """Services made through Kong's own API count as plain hosts."""
    return str(entry["tse"].get("type", "HostIP"))


def target_shown(target: Any) -> dict[str, Any]:
    return {
        "Host": target.host,
        "Port": target.port,
        "Weight": target.weight,
        "Health": target.health,
        "CreatedTime": "",
        "Source": "",
    }


def routes_of(config: Config, service: Document) -> list[Document]:
    return [
        entry
        for entry in config.all("routes")
        if (entry["kong"]["service"] or {}).get("id") == service["kong"]["id"]
    ]
