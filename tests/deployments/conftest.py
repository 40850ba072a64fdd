"""A published checkpoint in an adopted environment, and a real sandbox cluster to put it on."""

import pytest

from tests.cloud.conftest import eventually, running
from tests.deployments.cluster import Cluster
from tests.deployments.factories import make_version
from tests.environments.factories import make_adopted


@pytest.fixture
def environment(db):
    """Adopted and read: two nodes of two A10, half of one card on each node is taken."""
    return make_adopted()


@pytest.fixture
def version(environment):
    return make_version(environment)


@pytest.fixture(scope="session")
def region(tmp_path_factory):
    """The endpoints of a sandbox of this folder's own."""
    with running(tmp_path_factory.mktemp("region")) as endpoints:
        yield endpoints


@pytest.fixture
def cluster(region, olga, tmp_path):
    """The region's cluster under management, without workloads."""
    found = Cluster(region, olga, tmp_path)
    yield found
    leftovers = {"v1": ("services", "persistentvolumeclaims"), "apps/v1": ("deployments",)}
    for version, plurals in leftovers.items():
        for plural in plurals:
            for item in found.kube.list(version, plural, found.environment.namespace).items:
                found.kube.delete(item)
    for volume in found.kube.list("v1", "persistentvolumes").items:
        found.kube.delete(volume)
    eventually(
        lambda: found.kube.list("v1", "pods", found.environment.namespace).items,
        lambda pods: not pods,
    )
