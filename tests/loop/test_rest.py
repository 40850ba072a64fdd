"""The example of the documentation, run as a person would run it."""

import subprocess
import sys

import pytest

from tests.loop.conftest import ROOT, Console

LONGEST_S = 240


def test_the_example_goes_from_upload_to_proven_freeze(console: Console) -> None:
    token = console.manage("token", "admin", "--name", "loop").split()[-1]
    done = subprocess.run(
        [sys.executable, "docs/examples/loop.py", console.url, token],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr}\n{console.log()}")
    assert "an anonymous read answers 403" in done.stdout
    assert "an anonymous read answers 200" in done.stdout
    assert done.stdout.rstrip().endswith("done")
