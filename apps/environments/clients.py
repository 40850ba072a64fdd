"""The one place that turns an environment into adapters.

For workers only: pages never call the cloud.
"""

from django.utils.translation import gettext as _

from apps.environments.models import Environment
from cloud import tke
from cloud.access import Access
from cloud.cos import CosClient
from cloud.errors import NotFound, Rejected
from cloud.kube import KubeClient


def kube_for(environment: Environment, *, timeout_s: float = 15.0) -> KubeClient:
    """The adopted cluster's API.  The kubeconfig is fetched through TKE at first use and kept.

    Raises Rejected without a cluster, and what TKE says when the kubeconfig cannot be had."""
    if not environment.kubeconfig:
        if not environment.cluster_id:
            raise Rejected(_("No cluster was adopted yet."), service="Kubernetes")
        kubeconfig_fetch(environment)
    return KubeClient(environment.kubeconfig, timeout_s=timeout_s)


def kubeconfig_fetch(environment: Environment) -> None:
    """Ask TKE for the kubeconfig of this key and keep it.

    The public endpoint is preferred: it answers from wherever it is opened for.  A cluster adopted
    meanwhile keeps its own: the row is written only while it names the cluster we asked about.
    Raises NotFound if the cluster is gone."""
    access, cluster_id = environment.access(), environment.cluster_id
    addresses = tke.endpoints(access, cluster_id)
    extranet = addresses is None or bool(addresses.external) or not addresses.intranet
    text = tke.kubeconfig(access, cluster_id, extranet=extranet)
    if text is None:
        gone = _("TKE does not know cluster %(id)s any more.") % {"id": cluster_id}
        raise NotFound(gone, service="tke")
    Environment.objects.filter(pk=environment.pk, cluster_id=cluster_id).update(kubeconfig=text)
    environment.kubeconfig = text


def cos_for(environment: Environment, bucket: str = "", *, timeout_s: float = 30.0) -> CosClient:
    """The adopted bucket, or `bucket` of the same account; what cloud.ci's functions take, too."""
    name = bucket or environment.bucket
    if not name:
        raise Rejected(_("No bucket was adopted yet."), service="COS")
    return CosClient(environment.access(), name, timeout_s=timeout_s)


def access_for(environment: Environment) -> Access:
    """What the functions of cloud.tke, cfs, tcr, tse, vpc and sts take first."""
    return environment.access()
