"""TSE cloud-native gateways: the instances, their addresses and their console."""

import secrets
from typing import Any

from sandbox.gateway.config import Config
from sandbox.network import GATEWAY_PORT, KONGA_PORT
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.names import beijing, free_index, new_gateway_id
from sandbox.tencent.outcome import failure
from sandbox.world import World

SPECIFICATIONS = ("1c2g", "2c4g", "4c8g", "8c16g")
VERSIONS = ("2.4.1", "2.5.1")


class GatewayInstances:
    def __init__(self, world: World) -> None:
        self._world = world
        self.rows = world.store.collection("tse.gateways")
        self.sources = world.store.collection("tse.sources")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateCloudNativeAPIGateway": self.create,
            "DescribeCloudNativeAPIGateways": self.describe,
            "DescribeCloudNativeAPIGateway": self.describe_one,
            "ModifyCloudNativeAPIGateway": self.modify,
            "UpdateCloudNativeAPIGatewaySpec": self.change_size,
            "DeleteCloudNativeAPIGateway": self.delete,
            "DescribePublicAddressConfig": self.describe_addresses,
            "DescribeNativeGatewayServerGroups": self.describe_groups,
            "DescribeCloudNativeAPIGatewayNodes": self.describe_nodes,
            "DescribeCloudNativeAPIGatewayConfig": self.describe_console,
            "ModifyConsoleNetwork": self.change_console,
        }

    def find(self, gateway_id: str) -> Document:
        if gateway_id not in self.rows:
            raise ApiError(
                "ResourceNotFound.InstanceNotFound", f"gateway {gateway_id} does not exist"
            )
        return self.rows[gateway_id]

    def running(self, gateway_id: str) -> Document:
        row = self.find(gateway_id)
        if row["state"] not in ("Running", "Modifying", "UpdatingSpec"):
            raise ApiError(
                "FailedOperation.FailedOperation", f"gateway {gateway_id} is {row['state']}"
            )
        return row

    def config(self, gateway_id: str) -> Config:
        """The Kong configuration of a gateway that can be worked on."""
        return Config(self._world.store, self.running(gateway_id)["id"])

    def create(self, ask: Ask) -> Answer:
        ask.choice("Type", ("kong",))
        if not 0 < len(ask["Name"]) <= 60 or len(ask.get("Description", "")) > 120:
            raise ApiError("InvalidParameterValue.Name", "Name or Description is too long")
        version = ask.choice("GatewayVersion", VERSIONS)
        size = self._size(ask)
        subnet = self._world.store.collection("vpc.subnets").get(
            ask["VpcConfig"].get("SubnetId", "")
        )
        if subnet is None or subnet["vpc"] != ask["VpcConfig"].get("VpcId"):
            raise ApiError("FailedOperation.Vpc", "VpcId or SubnetId does not exist")
        now = self._world.clock.now()
        row = gateway_document(
            new_gateway_id(),
            index=free_index(row["index"] for row in self.rows.values()),
            name=ask["Name"],
            created_at=now,
            state="Creating",
            until=now + self._world.pace.seconds("tse.gateway"),
            version=version,
            node=size,
            vpc=ask["VpcConfig"],
            description=ask.get("Description", ""),
            tags=ask.get("Tags", []),
            feature=ask.choice("FeatureVersion", ("TRIAL", "STANDARD", "PROFESSIONAL"), "STANDARD"),
            bandwidth=ask.get("InternetMaxBandwidthOut", 5),
        )
        self.rows[row["id"]] = row
        return {"Result": {"GatewayId": row["id"], "Status": row["state"], "TaskId": row["id"][8:]}}

    def _size(self, ask: Ask) -> dict[str, Any]:
        size: dict[str, Any] = ask["NodeConfig"]
        if size.get("Specification") not in SPECIFICATIONS:
            raise ApiError("InvalidParameterValue.Specification", "unknown Specification")
        if not 2 <= size.get("Number", 0) <= 9:
            raise ApiError("InvalidParameterValue", "NodeConfig.Number is between 2 and 9")
        return size

    def advance(self, now: float) -> None:
        half = self._world.pace.seconds("tse.gateway") / 2
        for key, row in list(self.rows.items()):
            before = (row["state"], row["console"])
            if row["state"] == "Creating" and row["until"] - half <= now:
                row["state"] = "InstallingPlugin"
            if row["until"] <= now:
                if row["state"] == "InstallingPlugin":
                    bad = failure(self._world, "tse", "CreateCloudNativeAPIGateway")
                    row["state"] = "CreateFailed" if bad else "Running"
                elif row["state"] in ("Modifying", "UpdatingSpec"):
                    row["state"] = "Running"
                elif row["state"] == "Deleting":
                    Config(self._world.store, key).drop_all()
                    for name in [n for n, s in self.sources.items() if s["gateway"] == key]:
                        del self.sources[name]
                    del self.rows[key]
                    self._world.gateway.sync(key)
                    continue
            if row["console"] == "Updating" and row["console_until"] <= now:
                row["console"] = row["console_next"]
            if before != (row["state"], row["console"]):
                self.rows.save(key)
                self._world.gateway.sync(key)

    def describe(self, ask: Ask) -> Answer:
        filters = ask.filters(("Name", "GatewayId", "Tag", "TradeType", "EngineRegion"))
        rows = [
            row
            for row in self.rows.values()
            if row["id"] in filters.get("GatewayId", [row["id"]])
            and any(part in row["name"] for part in filters.get("Name", [""]))
        ]
        return {
            "Result": {
                "TotalCount": len(rows),
                "GatewayList": [self._shown(row) for row in ask.page(rows)],
            }
        }

    def describe_one(self, ask: Ask) -> Answer:
        return {"Result": self._shown(self.find(ask["GatewayId"]))}

    def address(self, row: Document) -> str:
        return self._world.network.gateway(row["index"])

    def _shown(self, row: Document) -> dict[str, Any]:
        return {
            "GatewayId": row["id"],
            "Status": row["state"],
            "Name": row["name"],
            "Type": "kong",
            "GatewayVersion": row["version"],
            "NodeConfig": row["node"],
            "VpcConfig": row["vpc"],
            "Description": row["description"],
            "CreateTime": beijing(row["created_at"]),
            "Tags": row["tags"],
            "EnableCls": False,
            "TradeType": 0,
            "FeatureVersion": row["feature"],
            "InternetMaxBandwidthOut": row["bandwidth"],
            "EnableInternet": True,
            "EngineRegion": "ap-guangzhou",
            "IngressClassName": "kong",
            "InternetPayMode": "BANDWIDTH",
            "GatewayMinorVersion": f"{row['version']}.0",
            "InstancePort": {"HttpPort": str(GATEWAY_PORT), "HttpsPort": "", "TcpPort": "",
                             "UdpPort": ""},
            "LoadBalancerType": "CLB",
            "PublicIpAddresses": [self.address(row)] if row["state"] != "Creating" else [],
            "DeleteProtect": row["protected"],
        }  # fmt: skip

    def modify(self, ask: Ask) -> Answer:
        row = self.running(ask["GatewayId"])
        row["name"] = ask.get("Name", row["name"])
        row["description"] = ask.get("Description", row["description"])
        row["protected"] = ask.get("DeleteProtect", row["protected"])
        self.rows.save(row["id"])
        return {}

    def change_size(self, ask: Ask) -> Answer:
        row = self.running(ask["GatewayId"])
        row["node"] = self._size(ask)
        row["state"] = "UpdatingSpec"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("tse.gateway") / 2
        self.rows.save(row["id"])
        self._world.gateway.sync(row["id"])
        return {"Result": {"GatewayId": row["id"], "Status": row["state"], "TaskId": row["id"][8:]}}

    def delete(self, ask: Ask) -> Answer:
        row = self.find(ask["GatewayId"])
        if row["protected"]:
            raise ApiError("OperationDenied.OperationDenied", "deletion protection is on")
        row["state"] = "Deleting"
        row["until"] = self._world.clock.now() + self._world.pace.seconds("tse.gateway") / 2
        self.rows.save(row["id"])
        self._world.gateway.sync(row["id"])
        return {"Result": {"GatewayId": row["id"], "Status": "Deleting", "TaskId": row["id"][8:]}}

    def describe_addresses(self, ask: Ask) -> Answer:
        row = self.find(ask["GatewayId"])
        return {
            "Result": {
                "GatewayId": row["id"],
                "ConfigList": [
                    {
                        "Vip": self.address(row),
                        "InternetMaxBandwidthOut": row["bandwidth"],
                        "GroupId": _group_id(row),
                        "GroupName": "default",
                        "NetworkId": f"network-{row['id'][8:]}",
                        "Description": "",
                    }
                ],
                "TotalCount": 1,
            }
        }

    def describe_groups(self, ask: Ask) -> Answer:
        row = self.find(ask["GatewayId"])
        group = {
            "GroupId": _group_id(row),
            "Name": "default",
            "Description": "",
            "NodeConfig": row["node"],
            "Status": "Running" if row["state"] == "Running" else row["state"],
            "CreateTime": beijing(row["created_at"]),
            "IsFirstGroup": 1,
            "GatewayId": row["id"],
            "InternetMaxBandwidthOut": row["bandwidth"],
            "ModifyTime": beijing(row["created_at"]),
            "SubnetIds": row["vpc"].get("SubnetId", ""),
            "DefaultWeight": 100,
        }
        return {"Result": {"TotalCount": 1, "GatewayGroupList": [group]}}

    def describe_nodes(self, ask: Ask) -> Answer:
        row = self.find(ask["GatewayId"])
        nodes = [
            {
                "NodeId": f"{row['id']}-{number}",
                "NodeIp": self.address(row),
                "ZoneId": "100006",
                "Zone": "ap-guangzhou-6",
                "GroupId": _group_id(row),
                "GroupName": "default",
                "Status": "Running",
                "Weight": 100,
                "IsDefaultWeight": True,
            }
            for number in range(row["node"]["Number"])
        ]
        return {"Result": {"TotalCount": len(nodes), "NodeList": ask.page(nodes)}}

    # -- the console (Konga)

    def describe_console(self, ask: Ask) -> Answer:
        """Where Konga answers, with its credentials: callers have to treat this as a secret."""
        row = self.running(ask["GatewayId"])
        open_now = row["console"] == "Open"
        common = {
            "SubnetId": row["vpc"].get("SubnetId", ""),
            "VpcId": row["vpc"].get("VpcId", ""),
            "Description": "",
        }
        konga = {
            **common,
            "ConsoleType": "Konga",
            "HttpUrl": f"http://{self.address(row)}:{KONGA_PORT}" if open_now else "",
            "HttpsUrl": "",
            "NetType": "Open",
            "AdminUser": row["admin_user"],
            "AdminPassword": row["admin_password"],
            "Status": row["console"],
            "AccessControl": row["access"],
            "Vip": self.address(row),
        }
        return {
            "Result": {
                "GatewayId": row["id"],
                "ConfigList": [konga],
                "GroupSubnetId": common["SubnetId"],
                "GroupVpcId": common["VpcId"],
                "GroupId": _group_id(row),
            }
        }

    def change_console(self, ask: Ask) -> Answer:
        row = self.running(ask["GatewayId"])
        ask.choice("NetworkType", ("Open",))
        row["console_next"] = {"Open": "Open", "Close": "Closed"}[
            ask.choice("Operate", ("Open", "Close"), "Open")
        ]
        access = ask.get("AccessControl")
        if access is not None and access.get("Mode") not in ("Whitelist", "Blacklist"):
            raise ApiError("InvalidParameterValue", "AccessControl.Mode is unknown")
        row["access"] = access if access is not None else row["access"]
        row["console"] = "Updating"
        row["console_until"] = self._world.clock.now() + self._world.pace.seconds("tse.console")
        self.rows.save(row["id"])
        self._world.gateway.sync(row["id"])
        return {}


def gateway_document(
    gateway_id: str, *, index: int, name: str, created_at: float, **given: Any
) -> Document:
    return {
        "id": gateway_id,
        "index": index,
        "name": name,
        "created_at": created_at,
        "until": given.get("until", created_at),
        "state": given.get("state", "Running"),
        "version": given.get("version", VERSIONS[-1]),
        "node": given.get("node", {"Specification": "2c4g", "Number": 2}),
        "vpc": given.get("vpc", {}),
        "description": given.get("description", ""),
        "tags": given.get("tags", []),
        "feature": given.get("feature", "STANDARD"),
        "bandwidth": given.get("bandwidth", 5),
        "protected": False,
        "console": given.get("console", "Closed"),
        "console_next": given.get("console", "Closed"),
        "console_until": created_at,
        "access": None,
        "admin_user": "admin",
        "admin_password": secrets.token_urlsafe(12),
    }


def _group_id(row: Document) -> str:
    return f"group-{row['id'][8:]}"
