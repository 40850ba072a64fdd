"""Worlds side by side: each has addresses of its own for as long as it is open."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox import network
from sandbox.network import Network, free_network, held
from sandbox.world import open_world


@pytest.fixture(autouse=True)
def nobody_else_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sandboxes of other test runs hold theirs by another name meanwhile."""
    monkeypatch.setattr(network, "HOLD_NAME", f"test-{uuid4().hex}")


def unused() -> tuple[int, int]:
    """Two numbers N that are free now."""
    first, hold = free_network()
    second, other = free_network()
    hold.close()
    other.close()
    return int(first.prefix[4:]), int(second.prefix[4:])


def test_what_another_holds_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = unused()
    monkeypatch.setattr(network.random, "sample", lambda numbers, count: [taken, free])
    elder = held(Network(f"127.{taken}"))
    assert elder
    found, hold = free_network()
    assert found.prefix == f"127.{free}"
    hold.close()
    elder.close()
    found, hold = free_network()
    assert found.prefix == f"127.{taken}"
    hold.close()


def test_ports_in_use_are_passed_over_whoever_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = unused()
    monkeypatch.setattr(network.random, "sample", lambda numbers, count: [taken, free])
    with socket.create_server((f"127.{taken}.0.1", network.API_PORT)):
        found, hold = free_network()
    hold.close()
    assert found.prefix == f"127.{free}"


def test_a_world_keeps_its_addresses_and_gives_back_its_hold(tmp_path: Path) -> None:
    world, beside = open_world(tmp_path / "one"), open_world(tmp_path / "two")
    assert world.network != beside.network
    assert held(world.network) is None
    world.close()
    again = open_world(tmp_path / "one")
    assert again.network == world.network
    assert held(again.network) is None
    again.close()
    beside.close()
