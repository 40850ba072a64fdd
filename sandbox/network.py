"""The sandbox's addresses: one loopback /16 of its own, so its ports are fixed and never clash.

Linux answers on all of 127.0.0.0/8 without any set-up; `127.N.0.0/16` stands for the VPC and the
internet in front of it.  N is kept in the sandbox's state, so addresses stay valid over restarts.
"""

import random
import socket
from dataclasses import dataclass

API_PORT = 9000
COS_PORT = 9001
KUBE_PORT = 6443
GATEWAY_PORT = 8000
KONGA_PORT = 1337
KONG_ADMIN_PORT = 8001
CONTROL_PORT = 9099
HOLD_NAME = "sandbox-network"


@dataclass(frozen=True)
class Network:
    prefix: str  # "127.77"

    @property
    def front(self) -> str:
        """Address of the Tencent JSON API and of COS."""
        return f"{self.prefix}.0.1"

    def gateway(self, index: int) -> str:
        return f"{self.prefix}.1.{index + 1}"

    def node(self, index: int) -> str:
        return f"{self.prefix}.2.{index + 1}"

    def mount_target(self, index: int) -> str:
        return f"{self.prefix}.3.{index + 1}"

    def load_balancer(self, index: int) -> str:
        return f"{self.prefix}.4.{index + 1}"

    def kube_api(self, index: int) -> str:
        return f"{self.prefix}.5.{index + 1}"

    def cluster_ip(self, index: int) -> str:
        """Cluster IPs: 127.N.16.1 up to 127.N.31.254."""
        return f"{self.prefix}.{16 + index // 254}.{1 + index % 254}"

    def pod(self, index: int) -> str:
        """Pod IPs: 127.N.64.1 up to 127.N.127.254."""
        return f"{self.prefix}.{64 + index // 254}.{1 + index % 254}"


def free_network() -> tuple[Network, socket.socket]:
    """A loopback /16 that nobody has, and the hold on it; RuntimeError if none is left.

    Drawn by chance, so that two sandboxes starting at the same moment hardly ever try the same.
    """
    for number in random.sample(range(16, 250), 234):
        network = Network(f"127.{number}")
        hold = held(network)
        if hold is None:
            continue
        # A sandbox of another user or container may not see our hold, but everybody sees ports.
        if _bindable(network.front, API_PORT) and _bindable(network.front, COS_PORT):
            return network, hold
        hold.close()
    raise RuntimeError("No free loopback network between 127.16.0.0 and 127.249.0.0.")


def held(network: Network) -> socket.socket | None:
    """Ours until it is closed or the process ends; None while somebody else holds it.

    A name among Linux's abstract sockets: taken by one at a time, and gone with whoever took it.
    """
    hold = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hold.bind(f"\0{HOLD_NAME}-{network.prefix}")
    except OSError:
        hold.close()
        return None
    return hold


def _bindable(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
