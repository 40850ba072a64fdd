"""A thing, and a service that holds nothing when a test begins."""

import pytest

from tests.core.things.models import Thing
from tests.core.things.reconciler import SERVICE


@pytest.fixture(autouse=True)
def _empty_service():
    SERVICE.reset()


@pytest.fixture
def thing(db):
    return Thing.objects.create(name="lamp")
