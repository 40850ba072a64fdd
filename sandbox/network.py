"""The sandbox's addresses: one loopback /16 of its own, so its ports are fixed and never clash.

Linux answers on all of 127.0.0.0/8 without any set-up; `127.N.0.0/16` stands for the VPC and the
internet in front of it.  N is kept in the sandbox's state, so addresses stay valid over restarts.
"""

import socket
from dataclasses import dataclass

API_PORT = 9000
COS_PORT = 9001
KUBE_PORT = 6443
GATEWAY_PORT = 8000
KONGA_PORT = 1337
KONG_ADMIN_PORT = 8001


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


def free_network(first: int = 77) -> Network:
    """The first loopback /16 whose API and COS ports nobody holds; RuntimeError if none is left."""
    for number in [*range(first, 250), *range(16, first)]:
        network = Network(f"127.{number}")
        if _bindable(network.front, API_PORT) and _bindable(network.front, COS_PORT):
            return network
    raise RuntimeError("No free loopback network between 127.16.0.0 and 127.249.0.0.")


def _bindable(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
