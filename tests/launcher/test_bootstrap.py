"""Set-up: icons are cut out right, and what fails is one line."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from deploy.embedded import bootstrap

SVG = "{http://www.w3.org/2000/svg}"


def test_the_sprite_has_every_listed_icon_with_a_drawing():
    lines = (line.split("#")[0].strip() for line in bootstrap.ICON_NAMES.read_text().splitlines())
    wanted = {line for line in lines if line}
    sprite = ElementTree.parse(bootstrap.BUILD / "static/icons.svg").getroot()
    assert {symbol.get("id") for symbol in sprite} == wanted
    for symbol in sprite:
        assert (symbol.tag, symbol.get("stroke")) == (f"{SVG}symbol", "currentColor")
        assert len(symbol) > 0, symbol.get("id")


def test_an_unknown_icon_is_named(tmp_path, monkeypatch):
    listed = tmp_path / "icons.txt"
    listed.write_text("rocket  # start\nroket\n")
    monkeypatch.setattr(bootstrap, "ICON_NAMES", listed)
    monkeypatch.setattr(bootstrap, "BUILD", tmp_path)
    with pytest.raises(bootstrap.SetupFailed, match=r"Tabler has no outline icon roket$"):
        bootstrap.build_icons()


def test_a_failing_step_is_one_line_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "SETUP_LOG", bootstrap.BUILD / "test-setup.log")
    script = "print('getting on'); print('ERROR: no such package'); raise SystemExit(1)"
    with pytest.raises(bootstrap.SetupFailed) as failure:
        bootstrap.run("Installing", [sys.executable, "-c", script])
    (bootstrap.BUILD / "test-setup.log").unlink()
    assert str(failure.value) == (
        "Installing failed: ERROR: no such package (more in build/test-setup.log)"
    )


def test_set_up_that_is_up_to_date_does_nothing():
    command = [sys.executable, "deploy/embedded/bootstrap.py", "--dev"]
    subprocess.run(command, cwd=bootstrap.ROOT, check=True)
    done = subprocess.run(command, cwd=bootstrap.ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_lock_of_front_end_packages_names_no_host():
    lock = (bootstrap.ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert len(re.findall(r'"integrity": "sha512-', lock)) == lock.count('"node_modules/')


def test_every_requirement_is_pinned_and_says_why():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (bootstrap.ROOT / name).read_text().splitlines()
        listed = [line for line in lines if line and not line.startswith(("#", "-r "))]
        assert listed
        assert [line for line in listed if not re.match(r"[\w.\[\],-]+==\S+ +# \S", line)] == []


def test_help_lists_every_target():
    makefile = (bootstrap.ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    done = subprocess.run(["make"], cwd=bootstrap.ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"^  make (\w+)", done.stdout, re.MULTILINE) == targets
