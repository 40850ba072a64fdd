"""TKE: clusters, the way to their API servers, and addons (version 2018-05-25).

Nodes and node pools are in tke_pools.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cloud.access import Access
from cloud.errors import AlreadyExists, NotFound, Rejected
from cloud.reading import Data, flag, part, parts, text, when, whole
from cloud.tencent import Answer, call, rows
from cloud.types import (
    Addon,
    AddonOffer,
    Cluster,
    ClusterEndpoints,
    ClusterSpec,
    Created,
    Done,
    EndpointStatus,
)

VERSION = "2018-05-25"


def clusters(access: Access, *, name: str = "") -> tuple[Cluster, ...]:
    """All clusters of the region, or those of exactly this name."""
    wanted = [{"Name": "ClusterName", "Values": [name]}] if name else None
    body = {"Filters": wanted} if wanted else {}
    found = rows(access, "tke", VERSION, "DescribeClusters", body, member="Clusters")
    return tuple(one for one in map(_cluster, found) if not name or one.name == name)


def cluster(access: Access, cluster_id: str) -> Cluster | None:
    body = {"ClusterIds": [cluster_id]}
    try:
        found = list(rows(access, "tke", VERSION, "DescribeClusters", body, member="Clusters"))
    except NotFound:
        return None
    return _cluster(found[0]) if found else None


def cluster_create(access: Access, spec: ClusterSpec) -> Created:
    """Not safe to repeat, and names are not unique: look for `spec.name` after a lost answer."""
    tags = [{"Key": key, "Value": value} for key, value in spec.tags.items()]
    body = {
        "ClusterType": "MANAGED_CLUSTER",
        "ClusterCIDRSettings": _given(
            ClusterCIDR=spec.cluster_cidr,
            ServiceCIDR=spec.service_cidr,
            MaxNodePodNum=spec.max_pods_per_node,
            MaxClusterServiceNum=spec.max_services,
        ),
        "ClusterBasicSettings": _given(
            ClusterName=spec.name,
            ClusterDescription=spec.description,
            ClusterVersion=spec.version,
            ClusterOs=spec.os,
            VpcId=spec.vpc_id,
            SubnetId=spec.subnet_id,
            ClusterLevel=spec.level,
            TagSpecification=[{"ResourceType": "cluster", "Tags": tags}] if tags else None,
        ),
        "ClusterAdvancedSettings": _given(
            NetworkType=spec.network,
            ContainerRuntime=spec.runtime,
            QGPUShareEnable=spec.qgpu,
            DeletionProtection=spec.deletion_protection,
        ),
    }
    answer = _call(access, "CreateCluster", body)
    return Created(answer.need("ClusterId"), answer.request_id)


def cluster_modify(
    access: Access,
    cluster_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    level: str | None = None,
    qgpu: bool | None = None,
) -> Done:
    """Change what is given, leave the rest."""
    body = {
        "ClusterId": cluster_id,
        "ClusterName": name,
        "ClusterDesc": description,
        "ClusterLevel": level,
        "QGPUShareEnable": qgpu,
    }
    return Done(_call(access, "ModifyClusterAttribute", body).request_id)


def cluster_delete(access: Access, cluster_id: str, *, keep_machines: bool = False) -> Done:
    mode = "retain" if keep_machines else "terminate"
    return _gone(access, "DeleteCluster", {"ClusterId": cluster_id, "InstanceDeleteMode": mode})


def versions(access: Access) -> tuple[str, ...]:
    """Kubernetes versions a new cluster may have."""
    answer = _call(access, "DescribeVersions", {})
    return tuple(text(one, "Version") for one in parts(answer.data, "VersionInstanceSet"))


def kubeconfig(access: Access, cluster_id: str, *, extranet: bool = True) -> str | None:
    """YAML with a client certificate of the calling user: a secret.

    It comes even if no endpoint is open, then with an address nobody can reach."""
    body = {"ClusterId": cluster_id, "IsExtranet": extranet}
    try:
        return _call(access, "DescribeClusterKubeconfig", body).need("Kubeconfig")
    except NotFound:
        return None


def endpoints(access: Access, cluster_id: str) -> ClusterEndpoints | None:
    try:
        data = _call(access, "DescribeClusterEndpoints", {"ClusterId": cluster_id}).data
    except NotFound:
        return None
    return ClusterEndpoints(
        external=text(data, "ClusterExternalEndpoint"),
        intranet=text(data, "ClusterIntranetEndpoint"),
        external_domain=text(data, "ClusterExternalDomain"),
        intranet_domain=text(data, "ClusterIntranetDomain"),
    )


def endpoint_status(access: Access, cluster_id: str, *, extranet: bool = True) -> EndpointStatus:
    body = {"ClusterId": cluster_id, "IsExtranet": extranet}
    answer = _call(access, "DescribeClusterEndpointStatus", body)
    return EndpointStatus(answer.need("Status"), text(answer.data, "ErrorMsg"))


def endpoint_create(
    access: Access,
    cluster_id: str,
    *,
    extranet: bool = True,
    subnet_id: str = "",
    security_group_id: str = "",
) -> Done:
    """Opens the API server to the internet, or to the VPC through `subnet_id`; takes a while."""
    body = {
        "ClusterId": cluster_id,
        "IsExtranet": extranet,
        "SubnetId": subnet_id or None,
        "SecurityGroup": security_group_id or None,
    }
    return Done(_call(access, "CreateClusterEndpoint", body).request_id)


def endpoint_delete(access: Access, cluster_id: str, *, extranet: bool = True) -> Done:
    return _gone(access, "DeleteClusterEndpoint", {"ClusterId": cluster_id, "IsExtranet": extranet})


def addons(access: Access, cluster_id: str) -> tuple[Addon, ...]:
    answer = _call(access, "DescribeAddon", {"ClusterId": cluster_id})
    return tuple(_addon(one) for one in parts(answer.data, "Addons"))


def addon(access: Access, cluster_id: str, name: str) -> Addon | None:
    try:
        answer = _call(access, "DescribeAddon", {"ClusterId": cluster_id, "AddonName": name})
    except NotFound:
        return None
    found = parts(answer.data, "Addons")
    return _addon(found[0]) if found else None


def addon_install(
    access: Access,
    cluster_id: str,
    name: str,
    *,
    version: str = "",
    values: Mapping[str, object] | None = None,
) -> Done:
    """Names are in lower case; no version = the newest.  An installed one counts as done."""
    body = {
        "ClusterId": cluster_id,
        "AddonName": name.lower(),
        "AddonVersion": version or None,
        "RawValues": _raw(values),
    }
    try:
        return Done(_call(access, "InstallAddon", body).request_id)
    except Rejected as refusal:
        # A second install is answered with UnknownParameter "check addon is exist".
        if isinstance(refusal, AlreadyExists) or "addon is exist" in refusal.message:
            return Done(refusal.request_id)
        raise


def addon_update(
    access: Access,
    cluster_id: str,
    name: str,
    *,
    version: str = "",
    values: Mapping[str, object] | None = None,
) -> Done:
    """Values are merged into those in force."""
    body = {
        "ClusterId": cluster_id,
        "AddonName": name,
        "AddonVersion": version or None,
        "RawValues": _raw(values),
        "UpdateStrategy": "merge",
    }
    return Done(_call(access, "UpdateAddon", body).request_id)


def addon_delete(access: Access, cluster_id: str, name: str) -> Done:
    return _gone(access, "DeleteAddon", {"ClusterId": cluster_id, "AddonName": name})


def addon_offers(access: Access, kind: str = "") -> tuple[AddonOffer, ...]:
    answer = _call(access, "GetTkeAppChartList", {"Kind": kind or None})
    return tuple(
        AddonOffer(text(one, "Name"), text(one, "Label"), text(one, "LatestVersion"))
        for one in parts(answer.data, "AppCharts")
    )


def _call(access: Access, action: str, body: dict[str, Any]) -> Answer:
    return call(access, "tke", VERSION, action, body)


def _gone(access: Access, action: str, body: dict[str, Any]) -> Done:
    try:
        return Done(_call(access, action, body).request_id)
    except NotFound as gone:
        return Done(gone.request_id)


def _given(**members: object) -> dict[str, object]:
    """The members that say something; the API takes no empty strings."""
    return {name: value for name, value in members.items() if value not in (None, "")}


def _raw(values: Mapping[str, object] | None) -> str | None:
    return base64.b64encode(json.dumps(values).encode()).decode() if values is not None else None


def _cluster(one: Data) -> Cluster:
    network = part(one, "ClusterNetworkSettings")
    tags = {
        text(tag, "Key"): text(tag, "Value")
        for group in parts(one, "TagSpecification")
        for tag in parts(group, "Tags")
    }
    return Cluster(
        id=text(one, "ClusterId"),
        name=text(one, "ClusterName"),
        description=text(one, "ClusterDescription"),
        version=text(one, "ClusterVersion"),
        status=text(one, "ClusterStatus"),
        kind=text(one, "ClusterType"),
        vpc_id=text(network, "VpcId"),
        cluster_cidr=text(network, "ClusterCIDR"),
        service_cidr=text(network, "ServiceCIDR"),
        runtime=text(one, "ContainerRuntime"),
        node_count=whole(one, "ClusterNodeNum"),
        level=text(one, "ClusterLevel"),
        qgpu=flag(one, "QGPUShareEnable"),
        deletion_protection=flag(one, "DeletionProtection"),
        created_at=when(one.get("CreatedTime")),
        tags=tags,
    )


def _addon(one: Data) -> Addon:
    raw = text(one, "RawValues")
    try:
        values = json.loads(base64.b64decode(raw)) if raw else {}
    except ValueError:
        values = {}
    return Addon(
        name=text(one, "AddonName"),
        version=text(one, "AddonVersion"),
        phase=text(one, "Phase"),
        reason=text(one, "Reason"),
        values=values if isinstance(values, dict) else {},
        created_at=when(one.get("CreateTime")),
    )
