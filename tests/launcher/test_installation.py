"""The state folder: one holder at a time, secrets made once, `make stop` for no one else."""

import json
import os
import subprocess
import sys

import pytest

from deploy.embedded.installation import ROOT, Holder, Installation, born
from deploy.embedded.process import Unavailable
from tests.launcher.conftest import alive


def stop(launch, home) -> tuple[int, list[str]]:
    command = launch("deploy.embedded.stop", SDCONSOLE_HOME=str(home))
    return command.process.wait(30), command.rest()


@pytest.fixture
def installation(home):
    installation = Installation(home)
    installation.open()
    return installation


def test_secrets_are_made_once_and_only_ours_to_read(installation, home):
    first = installation.secrets()
    assert installation.secrets() == first == Installation(home).secrets()
    assert (home / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert set(first) == {"SECRET_KEY", "SDCONSOLE_ENCRYPTION_KEYS", "SDCONSOLE_CALLBACK_TOKEN"}


def test_lost_secrets_are_not_replaced_while_data_needs_them(installation, home):
    (home / "postgres").mkdir()
    with pytest.raises(Unavailable, match=r"secrets\.json is missing"):
        installation.secrets()


def test_a_spoilt_secrets_file_is_named(installation, home):
    (home / "secrets.json").write_text('{"SECRET')
    with pytest.raises(Unavailable, match=r"secrets\.json cannot be read"):
        installation.secrets()


def test_one_process_holds_the_folder(installation, home):
    assert installation.take()
    ask = "from deploy.embedded.installation import *; print(Installation.of_environment().take())"
    env = os.environ | {"SDCONSOLE_HOME": str(home)}
    answer = subprocess.check_output([sys.executable, "-c", ask], cwd=ROOT, env=env, text=True)
    assert answer == "False\n"


def test_a_number_that_went_to_another_process_is_no_holder(installation, home):
    installation.sign("http://127.0.0.1:1")
    assert installation.holder() == Holder(os.getpid(), born(os.getpid()), "http://127.0.0.1:1")
    note = home / "run.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"born": "1"}))
    assert installation.holder() is None


def test_stop_says_when_nothing_runs(launch, home):
    assert stop(launch, home) == (0, [f"Nothing runs from {home}."])


def test_stop_leaves_a_process_alone_that_merely_has_the_old_number(launch, installation, home):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        note = {"pid": bystander.pid, "born": "1", "url": "http://127.0.0.1:1"}
        (home / "run.json").write_text(json.dumps(note))
        assert stop(launch, home) == (0, [f"Nothing runs from {home}."])
        assert installation.take()
        code, lines = stop(launch, home)
        assert (code, len(lines)) == (1, 1)
        assert alive(bystander.pid)
    finally:
        bystander.kill()
        bystander.wait()
