"""pytest plugin: a PostgreSQL and a Valkey of its own for every run, or what DATABASE_URL names.

A plugin, not a conftest: Django reads its settings before any conftest is loaded.
"""

import contextlib
import os
from collections.abc import Iterator

import pytest

from deploy.embedded.process import Unavailable
from deploy.embedded.servers import temporary_servers

_running = contextlib.ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    # A wrapper comes before pytest-django, which imports the settings in the same hook.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdconsole.settings.test")
    if "DATABASE_URL" not in os.environ:
        try:
            servers = _running.enter_context(temporary_servers())
        except Unavailable as failure:
            raise pytest.UsageError(str(failure)) from None
        os.environ["DATABASE_URL"] = servers.database_url
        os.environ["REDIS_URL"] = servers.redis_url
        # What a test writes for the console must not land beside a real installation's state.
        os.environ["SDCONSOLE_HOME"] = str(servers.home)
    return (yield)


def pytest_unconfigure() -> None:
    _running.close()
