"""The products discovery reads, each on its own: one that fails does not hide the others.

Pure: no Django, no network.
"""

from dataclasses import dataclass
from enum import StrEnum


class Product(StrEnum):
    """Named as Tencent names the service; `kube` is the cluster's own API."""

    STS = "sts"
    VPC = "vpc"
    TKE = "tke"
    KUBE = "kube"
    CFS = "cfs"
    TCR = "tcr"
    TSE = "tse"
    COS = "cos"
    CI = "ci"


@dataclass(frozen=True)
class Remit:
    """label     as people say it
    kinds     which Findings it brings; what of them it does not bring any more is gone
    every_s   how old a reading may get, seconds
    needs     column of the Environment that must be filled before there is anything to read
    actions   what the key must be allowed to call
    """

    label: str
    kinds: tuple[str, ...]
    every_s: float
    needs: str = ""
    actions: tuple[str, ...] = ()


# Pods move within seconds, the rest within minutes; 20 calls a second are allowed per action.
REMITS: dict[Product, Remit] = {
    Product.STS: Remit("STS", ("account",), 600, actions=("sts:GetCallerIdentity",)),
    Product.VPC: Remit("VPC", ("vpc",), 600, actions=("vpc:DescribeVpcs",)),
    Product.TKE: Remit(
        "TKE",
        ("cluster", "nodepool", "addon"),
        60,
        actions=("tke:DescribeClusters", "tke:DescribeClusterNodePools", "tke:DescribeAddon"),
    ),
    Product.KUBE: Remit(
        "Kubernetes",
        ("node", "pod", "volume", "claim"),
        15,
        needs="cluster_id",
        actions=("tke:DescribeClusterKubeconfig",),
    ),
    Product.CFS: Remit(
        "CFS",
        ("filesystem",),
        120,
        actions=("cfs:DescribeCfsFileSystems", "cfs:DescribeMountTargets"),
    ),
    Product.TCR: Remit(
        "TCR",
        ("registry", "image"),
        120,
        actions=("tcr:DescribeInstances", "tcr:DescribeRepositories", "tcr:DescribeImages"),
    ),
    Product.TSE: Remit(
        "TSE",
        ("gateway",),
        120,
        actions=("tse:DescribeCloudNativeAPIGateways", "tse:DescribePublicAddressConfig"),
    ),
    Product.COS: Remit("COS", ("bucket",), 300, actions=("cos:GetService", "cos:GetBucketCORS")),
    Product.CI: Remit(
        "CI", ("moderation",), 300, needs="bucket", actions=("ci:DescribeAuditStrategy",)
    ),
}
