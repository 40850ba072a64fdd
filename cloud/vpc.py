"""VPC and CVM: networks to choose from, zones, and machine types with their stock."""

from collections.abc import Sequence

from cloud.access import Access
from cloud.reading import flag, part, parts, text, whole
from cloud.tencent import call, rows
from cloud.types import InstanceType, Subnet, Vpc, Zone

VPC = "2017-03-12"
CVM = "2017-03-12"


def vpcs(access: Access) -> tuple[Vpc, ...]:
    found = rows(access, "vpc", VPC, "DescribeVpcs", {}, member="VpcSet", paging="skip-text")
    return tuple(
        Vpc(
            text(one, "VpcId"),
            text(one, "VpcName"),
            text(one, "CidrBlock"),
            flag(one, "IsDefault"),
        )
        for one in found
    )


def subnets(access: Access, vpc_id: str = "") -> tuple[Subnet, ...]:
    wanted = [{"Name": "vpc-id", "Values": [vpc_id]}] if vpc_id else None
    body = {"Filters": wanted} if wanted else {}
    found = rows(
        access, "vpc", VPC, "DescribeSubnets", body, member="SubnetSet", paging="skip-text"
    )
    return tuple(
        Subnet(
            id=text(one, "SubnetId"),
            name=text(one, "SubnetName"),
            vpc_id=text(one, "VpcId"),
            cidr=text(one, "CidrBlock"),
            zone=text(one, "Zone"),
            free_addresses=whole(one, "AvailableIpAddressCount"),
        )
        for one in found
    )


def zones(access: Access) -> tuple[Zone, ...]:
    answer = call(access, "cvm", CVM, "DescribeZones", {})
    return tuple(
        Zone(text(one, "Zone"), text(one, "ZoneName"), text(one, "ZoneState") == "AVAILABLE")
        for one in parts(answer.data, "ZoneSet")
    )


def instance_types(
    access: Access, *, zone: str = "", families: Sequence[str] = ()
) -> tuple[InstanceType, ...]:
    """Machine types sold in the region, with their stock; `families` such as ("PNV4",)."""
    wanted = [{"Name": "zone", "Values": [zone]}] if zone else []
    if families:
        wanted.append({"Name": "instance-family", "Values": list(families)})
    body = {"Filters": wanted} if wanted else {}
    answer = call(access, "cvm", CVM, "DescribeZoneInstanceConfigInfos", body, 20.0)
    return tuple(
        InstanceType(
            zone=text(one, "Zone"),
            name=text(one, "InstanceType"),
            family=text(one, "InstanceFamily"),
            cpu=whole(one, "Cpu"),
            memory_gib=whole(one, "Memory"),
            cards=float(one.get("GpuCount") or one.get("Gpu") or 0),
            in_stock=text(one, "Status") == "SELL",
            charge=text(one, "InstanceChargeType"),
            price_cny_per_hour=float(part(one, "Price").get("UnitPrice") or 0.0),
        )
        for one in parts(answer.data, "InstanceTypeQuotaSet")
    )
