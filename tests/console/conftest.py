"""The world of things is empty when a test begins."""

import pytest

from tests.core.things.reconciler import SERVICE


@pytest.fixture(autouse=True)
def _empty_service():
    SERVICE.reset()
