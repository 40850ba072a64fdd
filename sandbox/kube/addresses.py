"""Addresses on the shared network: pod IPs, cluster IPs, load balancer IPs, node ports."""

from collections.abc import Callable

from sandbox.kube.status import invalid
from sandbox.network import Network
from sandbox.store import Store

NODE_PORTS = range(30000, 32768)
POD_LIMIT = 64 * 254
SERVICE_LIMIT = 16 * 254


class AddressBook:
    """What one cluster holds of the addresses all clusters share."""

    def __init__(self, store: Store, network: Network, cluster_id: str) -> None:
        self._taken = store.collection("kube.addresses")
        self._ports = store.collection(f"kube.{cluster_id}.ports")
        self._network = network
        self._cluster_id = cluster_id
        self._next_pod = 0

    def pod_ip(self) -> str:
        """The next free one: an address just given back is not handed out at once."""
        for _ in range(POD_LIMIT):
            address = self._network.pod(self._next_pod)
            self._next_pod = (self._next_pod + 1) % POD_LIMIT
            if address not in self._taken:
                return self._hold(address)
        raise RuntimeError("No free pod address.")

    def cluster_ip(self, wanted: str = "") -> str:
        if wanted:
            if wanted in self._taken:
                said = f'Invalid value: "{wanted}": failed to allocate IP {wanted}: provided IP is '
                said += "already allocated"
                cause = {
                    "reason": "FieldValueInvalid",
                    "message": said,
                    "field": "spec.clusterIPs",
                }
                raise invalid("", "", "Service", [cause])
            return self._hold(wanted)
        return self._first(self._network.cluster_ip, SERVICE_LIMIT)

    def load_balancer_ip(self) -> str:
        return self._first(self._network.load_balancer, 250)

    def _first(self, address_of: Callable[[int], str], limit: int) -> str:
        for index in range(limit):
            if address_of(index) not in self._taken:
                return self._hold(address_of(index))
        raise RuntimeError("No free address.")

    def _hold(self, address: str) -> str:
        self._taken[address] = {"cluster": self._cluster_id}
        return address

    def hold(self, address: str) -> None:
        self._hold(address)

    def release(self, address: str) -> None:
        if self._taken.get(address, {}).get("cluster") == self._cluster_id:
            del self._taken[address]

    def release_all(self) -> None:
        for address, held in list(self._taken.items()):
            if held["cluster"] == self._cluster_id:
                del self._taken[address]

    def node_port(self, wanted: int = 0) -> int:
        if wanted:
            self._ports[str(wanted)] = {}
            return wanted
        for port in NODE_PORTS:
            if str(port) not in self._ports:
                self._ports[str(port)] = {}
                return port
        raise RuntimeError("No free node port.")

    def release_port(self, port: int) -> None:
        self._ports.pop(str(port), None)
