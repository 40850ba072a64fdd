"""A region to read: the real sandbox in a process of its own, reached through the real SDKs."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.world import open_world

DENIED = "tse:DescribeCloudNativeAPIGateways"
READY_S = 60.0


@pytest.fixture(scope="session")
def region_endpoints(tmp_path_factory):
    """What `python -m sandbox` writes down for its clients, as a path.

    `limited.json` beside it holds a second key that may do everything but DENIED."""
    home = tmp_path_factory.mktemp("region")
    world = open_world(home)
    limited = world.accounts.create(denied=(DENIED,))
    world.close()
    keys = {"secret_id": limited.secret_id, "secret_key": limited.secret_key}
    (home / "limited.json").write_text(json.dumps(keys))
    command = [sys.executable, "-m", "sandbox", "--home", str(home), "--pace", "0.05"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    path = home / "endpoints.json"
    deadline = time.monotonic() + READY_S
    while not readable(path):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail("the sandbox did not start:\n" + (home / "log").read_text()[-3000:])
        time.sleep(0.05)
    yield path
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


def readable(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text()))
    except (OSError, ValueError):
        return False
