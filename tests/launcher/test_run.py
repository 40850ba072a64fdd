"""`make run` as a person meets it: starts, stays up, is refused clearly, stops without a trace."""

import http.client
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from deploy.embedded.run import started_from
from tests.launcher.conftest import until

RUN, STOP = "deploy.embedded.run", "deploy.embedded.stop"


@pytest.fixture
def run(launch, home):
    """Start the console from a folder of its own."""

    def begin(**env: str):
        # Set to nothing: this test run's own servers and settings are not that console's.
        ours = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY")
        unset = dict.fromkeys((*ours, "SDCONSOLE_ENCRYPTION_KEYS"), "")
        return launch(RUN, **unset | {"SDCONSOLE_HOME": str(home), "PORT": "0"} | env)

    yield begin
    for pid in started_from(home):
        os.kill(pid, signal.SIGKILL)


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().status


def child(home: Path, word: str) -> int:
    """The process of ours with `word` in its command that all others of it descend from."""
    found = [pid for pid in started_from(home) if word in Path(f"/proc/{pid}/cmdline").read_text()]
    return min(found)


def test_a_port_in_use_is_one_line_and_nothing_runs(run, home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(PORT=str(port))
        assert refused.process.wait(30) == 2
        assert refused.rest() == [
            f"Port {port} is in use by another program: make run PORT={port + 1}"
        ]
    assert started_from(home) == []


@pytest.mark.parametrize("port", ["abc", "70000", "-1"])
def test_a_port_that_is_none_is_one_line(run, port):
    refused = run(PORT=port)
    assert refused.process.wait(30) == 2
    assert refused.rest() == [f"PORT must be a number up to 65535, not {port!r}."]


def test_a_server_of_ones_own_that_does_not_answer_is_one_line(run, home):
    refused = run(DATABASE_URL=f"postgresql://me@/mine?host={home}")
    assert refused.process.wait(30) == 2
    (line,) = refused.rest()
    assert line.startswith("The server of DATABASE_URL does not answer: ")


def test_a_console_from_its_first_start_over_a_kill_to_make_stop(run, launch, home):
    """One long test: each of these starts costs seconds."""
    console = run()
    port = int(console.hear(r"^ready: http://127\.0\.0\.1:(\d+)/$", within_s=180)[1])
    assert status(port, "/readyz") == 200
    console.hear("^accounts, also in ")
    accounts = home / "accounts.txt"
    passwords = accounts.read_text()
    assert accounts.stat().st_mode & 0o777 == 0o600
    assert len(passwords.splitlines()) == 6

    beside = json.loads((home / "environment.json").read_text())
    assert beside["SDCONSOLE_PUBLIC_URL"] == f"http://127.0.0.1:{port}"

    second = run()
    assert second.process.wait(30) == 2
    assert second.rest() == [
        f"A console already runs from {home} (process {console.process.pid}, "
        f"http://127.0.0.1:{port}): make stop ends it."
    ]

    os.kill(child(home, "gunicorn"), signal.SIGKILL)
    console.hear("^web was killed by SIGKILL")
    # The port stayed ours: this request waited for the new processes instead of being refused.
    assert status(port, "/healthz") == 200
    console.hear("^web runs again$")

    console.end(signal.SIGKILL)
    until(lambda: started_from(home) == [], "everything ended with its supervisor")
    again = run(PORT=str(port))
    again.hear("^ready: ", within_s=120)
    assert accounts.read_text() == passwords

    stop = launch(STOP, SDCONSOLE_HOME=str(home))
    assert stop.process.wait(60) == 0
    assert again.process.wait(10) == 0
    assert again.rest()[-1] == "stopped"
    assert started_from(home) == []
    assert not (home / "environment.json").exists()
