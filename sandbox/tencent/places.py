"""What the pickers need: VPCs, subnets, security groups, zones, instance types, the caller."""

from ipaddress import ip_network
from typing import Any

from sandbox import demo
from sandbox.accounts import OWNER_UIN, REGION
from sandbox.store import Document
from sandbox.tencent.ask import Answer, Ask, Handler
from sandbox.tencent.errors import ApiError
from sandbox.tencent.machines import MACHINES, ZONES
from sandbox.tencent.names import beijing, new_id
from sandbox.world import World


class Networks:
    def __init__(self, world: World) -> None:
        self._world = world
        self.vpcs = world.store.collection("vpc.vpcs")
        self.subnets = world.store.collection("vpc.subnets")
        self.groups = world.store.collection("vpc.groups")

    def handlers(self) -> dict[str, Handler]:
        return {
            "CreateVpc": self.vpc_create,
            "DescribeVpcs": self.describe_vpcs,
            "CreateSubnet": self.subnet_create,
            "DescribeSubnets": self.describe_subnets,
            "CreateSecurityGroup": self.group_create,
            "DescribeSecurityGroups": self.describe_groups,
        }

    def seed(self, now: float) -> None:
        self.vpcs[demo.VPC_ID] = _vpc(demo.VPC_ID, "sd-demo", "10.0.0.0/16", now)
        self.subnets[demo.SUBNET_ID] = _subnet(
            demo.SUBNET_ID, demo.VPC_ID, "sd-demo", "10.0.0.0/20", demo.ZONE, now
        )
        self.groups["sg-demo0001"] = {
            "id": "sg-demo0001", "name": "default", "description": "默认安全组", "created_at": now,
        }  # fmt: skip

    def vpc_create(self, ask: Ask) -> Answer:
        row = _vpc(
            new_id("vpc"), ask["VpcName"], _cidr(ask.get("CidrBlock", "")), self._world.clock.now()
        )
        self.vpcs[row["id"]] = row
        return {"Vpc": _vpc_shown(row)}

    def describe_vpcs(self, ask: Ask) -> Answer:
        filters = ask.filters(("vpc-name", "vpc-id", "cidr-block", "is-default"))
        wanted = ask.get("VpcIds", [])
        rows = [
            row
            for row in self.vpcs.values()
            if (not wanted or row["id"] in wanted)
            and row["id"] in filters.get("vpc-id", [row["id"]])
            and any(part in row["name"] for part in filters.get("vpc-name", [""]))
            and row["cidr"] in filters.get("cidr-block", [row["cidr"]])
        ]
        return {"TotalCount": len(rows), "VpcSet": [_vpc_shown(row) for row in ask.page(rows)]}

    def subnet_create(self, ask: Ask) -> Answer:
        if ask["VpcId"] not in self.vpcs:
            raise ApiError("ResourceNotFound", f"{ask['VpcId']} does not exist")
        if ask["Zone"] not in ZONES:
            raise ApiError("InvalidParameterValue", f"zone {ask['Zone']} does not exist")
        cidr = _cidr(ask.get("CidrBlock", ""))
        if not ip_network(cidr).subnet_of(ip_network(self.vpcs[ask["VpcId"]]["cidr"])):  # type: ignore[arg-type]
            raise ApiError("InvalidParameterValue.SubnetRange", f"{cidr} lies outside of the VPC")
        row = _subnet(
            new_id("subnet"), ask["VpcId"], ask["SubnetName"], cidr, ask["Zone"],
            self._world.clock.now(),
        )  # fmt: skip
        self.subnets[row["id"]] = row
        return {"Subnet": _subnet_shown(row)}

    def describe_subnets(self, ask: Ask) -> Answer:
        filters = ask.filters(("subnet-id", "vpc-id", "subnet-name", "zone", "cidr-block"))
        wanted = ask.get("SubnetIds", [])
        rows = [
            row
            for row in self.subnets.values()
            if (not wanted or row["id"] in wanted)
            and row["id"] in filters.get("subnet-id", [row["id"]])
            and row["vpc"] in filters.get("vpc-id", [row["vpc"]])
            and row["zone"] in filters.get("zone", [row["zone"]])
            and row["cidr"] in filters.get("cidr-block", [row["cidr"]])
            and any(part in row["name"] for part in filters.get("subnet-name", [""]))
        ]
        return {
            "TotalCount": len(rows),
            "SubnetSet": [_subnet_shown(row) for row in ask.page(rows)],
        }

    def group_create(self, ask: Ask) -> Answer:
        row = {
            "id": new_id("sg"),
            "name": ask["GroupName"],
            "description": ask["GroupDescription"],
            "created_at": self._world.clock.now(),
        }
        self.groups[row["id"]] = row
        return {"SecurityGroup": _group_shown(row)}

    def describe_groups(self, ask: Ask) -> Answer:
        filters = ask.filters(("security-group-id", "security-group-name", "project-id"))
        wanted = ask.get("SecurityGroupIds", [])
        rows = [
            row
            for row in self.groups.values()
            if (not wanted or row["id"] in wanted)
            and row["id"] in filters.get("security-group-id", [row["id"]])
            and row["name"] in filters.get("security-group-name", [row["name"]])
        ]
        return {
            "TotalCount": len(rows),
            "SecurityGroupSet": [_group_shown(row) for row in ask.page(rows)],
        }


class Stock:
    """CVM: zones, and which instance types they have to offer."""

    def handlers(self) -> dict[str, Handler]:
        return {
            "DescribeRegions": self.describe_regions,
            "DescribeZones": self.describe_zones,
            "DescribeZoneInstanceConfigInfos": self.describe_types,
        }

    def describe_regions(self, ask: Ask) -> Answer:
        return {
            "TotalCount": 1,
            "RegionSet": [
                {"Region": REGION, "RegionName": "South China (Guangzhou)",
                 "RegionState": "AVAILABLE"}
            ],
        }  # fmt: skip

    def describe_zones(self, ask: Ask) -> Answer:
        return {
            "TotalCount": len(ZONES),
            "ZoneSet": [
                {"Zone": zone, "ZoneName": name, "ZoneId": number, "ZoneState": "AVAILABLE"}
                for zone, (name, number) in ZONES.items()
            ],
        }

    def describe_types(self, ask: Ask) -> Answer:
        filters = ask.filters(
            ("zone", "instance-family", "instance-type", "instance-charge-type", "sort-keys")
        )
        charges = filters.get("instance-charge-type", ["POSTPAID_BY_HOUR"])
        return {
            "InstanceTypeQuotaSet": [
                {
                    "Zone": zone,
                    "InstanceType": machine.name,
                    "InstanceFamily": machine.family,
                    "InstanceChargeType": charge,
                    "Cpu": machine.cpu,
                    "Memory": machine.memory_gib,
                    "Gpu": machine.cards,
                    "GpuCount": float(machine.cards),
                    "Fpga": 0,
                    "TypeName": "GPU" if machine.cards else "Standard",
                    "Status": "SOLD_OUT" if zone in machine.sold_out else "SELL",
                    "StatusCategory": "WithoutStock" if zone in machine.sold_out else "EnoughStock",
                    "SoldOutReason": "no stock" if zone in machine.sold_out else "",
                    "Price": {
                        "UnitPrice": machine.price_cny_per_hour,
                        "UnitPriceDiscount": machine.price_cny_per_hour,
                        "ChargeUnit": "HOUR",
                        "Discount": 100.0,
                    },
                }
                for machine in MACHINES.values()
                for zone in machine.zones
                for charge in charges
                if zone in filters.get("zone", [zone])
                and machine.family in filters.get("instance-family", [machine.family])
                and machine.name in filters.get("instance-type", [machine.name])
            ]
        }


class Identity:
    """STS: who is calling; the cheapest check of a key pair."""

    def handlers(self) -> dict[str, Handler]:
        return {"GetCallerIdentity": self.describe_caller}

    def describe_caller(self, ask: Ask) -> Answer:
        uin = ask.key.uin
        return {
            "Arn": f"qcs::cam::uin/{OWNER_UIN}:uin/{uin}",
            "AccountId": OWNER_UIN,
            "UserId": uin,
            "PrincipalId": uin,
            "Type": "RootAccount" if uin == OWNER_UIN else "CAMUser",
        }


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as exc:
        raise ApiError("InvalidParameterValue.Malformed", str(exc)) from exc


def _vpc(vpc_id: str, name: str, cidr: str, now: float) -> Document:
    return {"id": vpc_id, "name": name, "cidr": cidr, "created_at": now}


def _vpc_shown(row: Document) -> dict[str, Any]:
    return {
        "VpcId": row["id"],
        "VpcName": row["name"],
        "CidrBlock": row["cidr"],
        "IsDefault": False,
        "EnableMulticast": False,
        "CreatedTime": beijing(row["created_at"]),
        "DnsServerSet": ["183.60.83.19", "183.60.82.98"],
        "DomainName": "",
        "DhcpOptionsId": "",
        "EnableDhcp": True,
        "TagSet": [],
    }


def _subnet(subnet_id: str, vpc_id: str, name: str, cidr: str, zone: str, now: float) -> Document:
    return {
        "id": subnet_id, "vpc": vpc_id, "name": name, "cidr": cidr, "zone": zone, "created_at": now,
    }  # fmt: skip


def _subnet_shown(row: Document) -> dict[str, Any]:
    total = ip_network(row["cidr"]).num_addresses - 3
    return {
        "VpcId": row["vpc"],
        "SubnetId": row["id"],
        "SubnetName": row["name"],
        "CidrBlock": row["cidr"],
        "IsDefault": False,
        "EnableBroadcast": False,
        "Zone": row["zone"],
        "CreatedTime": beijing(row["created_at"]),
        "AvailableIpAddressCount": total,
        "TotalIpAddressCount": total,
        "TagSet": [],
    }


def _group_shown(row: Document) -> dict[str, Any]:
    return {
        "SecurityGroupId": row["id"],
        "SecurityGroupName": row["name"],
        "SecurityGroupDesc": row["description"],
        "ProjectId": "0",
        "IsDefault": row["name"] == "default",
        "CreatedTime": beijing(row["created_at"]),
        "TagSet": [],
    }
