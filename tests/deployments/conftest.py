import pytest

from tests.deployments.factories import make_version
from tests.environments.factories import make_adopted


@pytest.fixture
def environment(db):
    """Adopted and read: two nodes of two A10, half of one card on each node is taken."""
    return make_adopted()


@pytest.fixture
def version(environment):
    return make_version(environment)
