"""The supervisor as a process of its own, over real children."""

import os
import signal

from tests.launcher.conftest import alive, until

DRIVER = "tests.launcher.driver"


def ready(driver) -> dict[str, int]:
    """The process ids by name, once all services are ready."""
    named = driver.hear(r"^ready (.*)")[1].split()
    return {name: int(pid) for name, pid in (pair.split("=") for pair in named)}


def test_a_killed_child_comes_back_and_we_are_told(launch, home):
    driver = launch(DRIVER, home, "sleeper")
    pid = ready(driver)["sleeper"]
    os.kill(pid, signal.SIGKILL)
    told = driver.hear(r"sleeper was killed by SIGKILL \(log: (.*)\); starting it again in")
    assert told[1] == str(home / "sleeper.log")
    driver.hear(r"^sleeper runs again$")
    assert driver.end() == 0


def test_each_death_in_a_row_doubles_the_pause(launch, home):
    driver = launch(DRIVER, home, "sleeper")
    ready(driver)
    pauses = []
    for _ in range(2):
        # Each sleeper begins by logging its number.
        pid = int((home / "sleeper.log").read_text().split()[-1])
        os.kill(pid, signal.SIGKILL)
        pauses.append(float(driver.hear(r"starting it again in ([\d.]+) s")[1]))
        driver.hear(r"^sleeper runs again$")
    assert pauses == [0.5, 1.0]


def test_killing_the_supervisor_leaves_no_child(launch, home):
    driver = launch(DRIVER, home, "sleeper", "stubborn", "servers")
    pids = ready(driver)
    assert len(pids) == 4
    driver.end(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids.values()), "all children ended")


def test_sigterm_stops_every_child_and_says_so(launch, home):
    driver = launch(DRIVER, home, "sleeper", "servers")
    pids = ready(driver)
    assert driver.end(signal.SIGTERM) == 0
    assert driver.rest()[-1] == "stopping sleeper, postgres, valkey"
    assert not any(alive(pid) for pid in pids.values())


def test_a_child_that_does_not_stop_is_killed_at_its_deadline(launch, home):
    driver = launch(DRIVER, home, "stubborn")
    pid = ready(driver)["stubborn"]
    assert driver.end(signal.SIGINT) == 0
    assert "stubborn did not stop in 0.5 s and was killed" in driver.rest()
    assert not alive(pid)


def test_a_service_that_cannot_start_fails_the_start_in_one_line(launch, home):
    driver = launch(DRIVER, home, "sleeper", "broken")
    line = driver.hear("^failed: (.*)")[1]
    assert line == (
        f"broken ended with code 1: fatal: nothing works here (more in {home / 'broken.log'})"
    )
    assert driver.process.wait(10) == 1


def test_the_log_of_a_running_child_is_cut_short(launch, home):
    with (home / "sleeper.log").open("wb") as log:
        log.truncate(6 * 2**20)
    driver = launch(DRIVER, home, "sleeper")
    ready(driver)
    until(lambda: (home / "sleeper.log").stat().st_size < 1000, "the log was cut")
    assert (home / "sleeper.log.1").stat().st_size >= 6 * 2**20
