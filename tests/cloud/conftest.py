"""A real sandbox process for the adapters to talk to, over real sockets."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from cloud import tke
from cloud.access import Access
from cloud.cos import CosClient
from cloud.kube import KubeClient

ROOT = Path(__file__).parents[2]
START_S = 60.0
SETTLE_S = 60.0
Found = TypeVar("Found")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The endpoints of a sandbox of our own, running as its own process."""
    with running(tmp_path_factory.mktemp("sandbox")) as endpoints:
        yield endpoints


@contextlib.contextmanager
def running(home: Path, *options: str) -> Iterator[dict[str, str]]:
    """A sandbox process with its state under `home`; stopped by its own id at the end."""
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with (home / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--home", str(home), "--pace", "0.05", *options],
            cwd=ROOT,
            env=clean,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        end = time.monotonic() + START_S
        while not (home / "endpoints.json").exists() or not _whole(home / "endpoints.json"):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"The sandbox did not start:\n{(home / 'sandbox.log').read_text()}")
            time.sleep(0.05)
        yield json.loads((home / "endpoints.json").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def access(sandbox: dict[str, str]) -> Access:
    return access_to(sandbox)


def access_to(sandbox: dict[str, str]) -> Access:
    return Access(
        sandbox["region"],
        sandbox["secret_id"],
        sandbox["secret_key"],
        api_endpoint=sandbox["api"],
        api_scheme=sandbox["scheme"],
        cos_endpoint=sandbox["cos"],
        cos_scheme=sandbox["scheme"],
    )


@pytest.fixture(scope="session")
def cos(access: Access) -> CosClient:
    """The bucket the account already has."""
    return CosClient(access, "sd-demo-1250000000")


@pytest.fixture(scope="session")
def kube(access: Access) -> KubeClient:
    """The cluster the account already has."""
    (cluster,) = tke.clusters(access, name="sd-demo")
    text = tke.kubeconfig(access, cluster.id)
    assert text is not None
    return KubeClient(text)


def eventually(look: Callable[[], Found], done: Callable[[Found], bool]) -> Found:
    """Look until `done`; fails with what was seen last."""
    end = time.monotonic() + SETTLE_S
    while True:
        found = look()
        if done(found):
            return found
        if time.monotonic() > end:
            pytest.fail(f"It never came to be; at last: {found!r}")
        time.sleep(0.05)


def _whole(path: Path) -> bool:
    with contextlib.suppress(ValueError):
        json.loads(path.read_text())
        return True
    return False
