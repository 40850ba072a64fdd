"""The one world that all services of the sandbox share: state, time, addresses, and each other."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.accounts import Accounts
from sandbox.clock import Clock, Pace
from sandbox.faults import Faults
from sandbox.network import Network, free_network, held
from sandbox.store import Store

if TYPE_CHECKING:
    from sandbox.ci.service import Ci
    from sandbox.cos.service import Cos
    from sandbox.gateway.service import Gateways
    from sandbox.kube.service import Kube
    from sandbox.tencent.service import Tencent


@dataclass
class World:
    home: Path
    store: Store
    network: Network
    hold: socket.socket | None  # keeps other sandboxes off our addresses
    accounts: Accounts
    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(default_factory=Pace)
    faults: Faults = field(default_factory=Faults)
    # The services, in the order they start; each may call those it was given here.
    kube: "Kube" = None  # type: ignore[assignment]
    tencent: "Tencent" = None  # type: ignore[assignment]
    gateway: "Gateways" = None  # type: ignore[assignment]
    cos: "Cos" = None  # type: ignore[assignment]
    ci: "Ci" = None  # type: ignore[assignment]

    @property
    def cfs_root(self) -> Path:
        """Where the bytes of all CFS file systems lie, one folder each."""
        return self.home / "cfs"

    def first_start(self, part: str) -> bool:
        """True once per `part` and state, for resources that exist before anyone asks."""
        done = self.store.collection("world.seeded")
        if part in done:
            return False
        done[part] = {}
        return True

    def close(self) -> None:
        """Give back the state file and the addresses, once every service has stopped."""
        self.store.close()
        if self.hold:
            self.hold.close()


def open_world(home: Path, *, pace: float = 1.0, faults: Faults | None = None) -> World:
    """The world kept under `home`, made anew if there is none."""
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home / "state.sqlite3")
    settings = store.collection("world.settings")
    if "network" in settings:
        network = Network(settings["network"]["prefix"])
        # Addresses of this state stay what they are, also when somebody took them meanwhile.
        hold = held(network)
    else:
        network, hold = free_network()
        settings["network"] = {"prefix": network.prefix}
    world = World(
        home=home,
        store=store,
        network=network,
        hold=hold,
        accounts=Accounts(store),
        pace=Pace(pace),
        faults=faults or Faults(),
    )
    world.cfs_root.mkdir(exist_ok=True)
    return world
