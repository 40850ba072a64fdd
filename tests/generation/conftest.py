"""A deployment that really draws, once for all tests of generation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.deployments.models import Deployment
from tests.cloud.conftest import running
from tests.generation import stage as stages
from tests.generation.stage import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running(tmp_path_factory.mktemp("generation")) as endpoints:
        yield stages.build(endpoints)


@pytest.fixture
def deployment(stage: Stage, db: None) -> Deployment:
    """Ready, and behind the gateway."""
    row = stages.make_deployment(stage)
    stages.make_route(row)
    return row
