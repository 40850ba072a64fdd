"""One cluster: its objects, API server, controllers, scheduler and kubelet, wired together."""

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sandbox.kube import schema
from sandbox.kube.addresses import AddressBook
from sandbox.kube.auth import User
from sandbox.kube.cards import CORE, FULL, MEMORY, WHOLE
from sandbox.kube.context import MANAGER, Context, key_of
from sandbox.kube.controllers.balancers import Balancers
from sandbox.kube.controllers.garbage import Garbage
from sandbox.kube.controllers.namespaces import Namespaces
from sandbox.kube.deletion import Options, delete
from sandbox.kube.events import Recorder
from sandbox.kube.net import Proxy
from sandbox.kube.node.kubelet import CARD_GIB, Kubelet
from sandbox.kube.node.logs import ContainerLogs
from sandbox.kube.node.processes import MakeWebUi
from sandbox.kube.objects import Objects
from sandbox.kube.pki import Authority
from sandbox.kube.quantity import canonical
from sandbox.kube.registry import Registry
from sandbox.kube.server import ApiServer
from sandbox.kube.verbs import Verbs
from sandbox.kube.wiring import Wiring
from sandbox.kube.writes import Write

if TYPE_CHECKING:
    from sandbox.world import World

Document = dict[str, Any]
Documents = list[Document]
GPU_COUNT = "tke.cloud.tencent.com/gpu-count"
GPU_TYPE = "tke.cloud.tencent.com/gpu-type"
MOST_PODS = 110


class KubeCluster:
    def __init__(
        self,
        world: "World",
        cluster_id: str,
        entry: Document,
        make_web_ui: MakeWebUi,
        save: Callable[[], None],
    ) -> None:
        self.id = cluster_id
        self.world = world
        self.version: str = entry["version"]
        self._entry = entry
        self._save = save
        address = world.network.kube_api(entry["index"])
        self.authority = Authority(world.home / "kube" / cluster_id / "pki", address)
        self.objects = Objects(
            world.store.collection(f"kube.{cluster_id}.objects"),
            world.store.collection(f"kube.{cluster_id}.counter"),
        )
        self.addresses = AddressBook(world.store, world.network, cluster_id)
        self.registry = Registry(schema.load(), self.objects, world.clock, self.addresses)
        self.context = Context(
            world=world,
            cluster_id=cluster_id,
            objects=self.objects,
            registry=self.registry,
            events=Recorder(self.registry),
            addresses=self.addresses,
        )
        self.namespaces = Namespaces(self.context, self.authority.pem.decode())
        self.namespaces.found()
        logs = ContainerLogs(world.clock)
        self.kubelet = Kubelet(self.context, logs, make_web_ui)
        self.proxy = Proxy(self.context)
        self.wiring = Wiring(
            self.context,
            self.kubelet,
            self.proxy,
            Garbage(self.context),
            Balancers(self.context),
            self.namespaces,
        )
        self.tokens: dict[str, User] = {
            token: User(held["user"], tuple(held["groups"]))
            for token, held in entry.get("tokens", {}).items()
        }
        self.server = ApiServer(
            self.registry.schema,
            Verbs(self.registry, self.objects, logs),
            self.authority,
            world.faults,
            address,
            git_version(self.version),
            self.tokens,
        )

    @property
    def url(self) -> str:
        return self.server.url

    async def start(self) -> None:
        self.wiring.start()
        await self.server.start()

    async def stop(self) -> None:
        """Everything stands still; the objects stay."""
        await self.server.stop()
        await self.wiring.stop()
        await self.kubelet.stop()
        await self.proxy.stop()

    def add_token(self, token: str, user: str, groups: list[str]) -> None:
        self._entry.setdefault("tokens", {})[token] = {"user": user, "groups": groups}
        self._save()
        self.tokens[token] = User(user, tuple(groups))

    # -- nodes ----------------------------------------------------------------------------

    def add_node(
        self,
        name: str,
        ip: str,
        labels: dict[str, str],
        cards: int,
        card_gib: int,
        qgpu: bool,
        gpu_type: str,
        cpu: int | float,
        memory_gib: int | float,
    ) -> Document:
        """Join a ready node.  With `qgpu` its cards are offered in shares, else as whole cards.

        `card_gib` is what qGPU offers of one card, `cpu` cores and `memory_gib` of the machine.
        """
        capacity = {
            "cpu": canonical(str(cpu)),
            "memory": canonical(f"{memory_gib}Gi"),
            "ephemeral-storage": "100Gi",
            "pods": str(MOST_PODS),
        }
        if cards and qgpu:
            capacity[CORE], capacity[MEMORY] = str(cards * FULL), str(cards * card_gib)
        elif cards:
            capacity[WHOLE] = str(cards)
        # The kubelet keeps something for the machine itself.
        spare = {"cpu": Fraction(1, 10), "memory": Fraction(1)}
        allocatable = {
            **capacity,
            "cpu": canonical(str(float(cpu) - float(spare["cpu"]))),
            "memory": canonical(f"{int((float(memory_gib) - float(spare['memory'])) * 1024)}Mi"),
        }
        now = self.registry.now()
        annotations = {}
        if cards:
            annotations = {GPU_COUNT: str(cards), CARD_GIB: str(card_gib), GPU_TYPE: gpu_type}
        body = {
            "metadata": {
                "name": name,
                "labels": {
                    "beta.kubernetes.io/arch": "amd64",
                    "beta.kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/hostname": name,
                    **labels,
                },
                "annotations": annotations,
            },
            "spec": {"providerID": f"qcloud:///{name}"},
            "status": {
                "capacity": capacity,
                "allocatable": allocatable,
                "conditions": _node_conditions(now),
                "addresses": [
                    {"type": "InternalIP", "address": ip},
                    {"type": "Hostname", "address": name},
                ],
                "nodeInfo": _node_info(git_version(self.version)),
            },
        }
        return self.registry.create(
            self.registry.resource("nodes"), "", body, Write(manager="kubelet")
        )

    def remove_node(self, name: str) -> None:
        """The machine is gone, and the pods on it; nothing happens if it was not there."""
        if self.get("nodes", "", name) is not None:
            resource = self.registry.resource("nodes")
            delete(self.registry, resource, "", name, Options(), Write(manager=MANAGER))

    # -- reads and writes for the other services ------------------------------------------

    def endpoints(self, namespace: str, service: str, port: int | str) -> list[tuple[str, int]]:
        """(ip, port) of the ready pods behind a service port, given by number or name."""
        item = self.get("services", namespace, service)
        for one in item["spec"].get("ports", []) if item else []:
            if port in (one["port"], one.get("name")) or str(one["port"]) == str(port):
                return self.proxy.ready(namespace, service, one)
        return []

    def get(self, plural: str, namespace: str, name: str) -> Document | None:
        """One object, or None; namespace "" for kinds of the cluster.  Do not change it."""
        return self.context.get(plural, namespace, name)

    def list(self, plural: str, namespace: str | None = None) -> Documents:
        return self.context.list(plural, namespace)

    def create(self, plural: str, namespace: str, body: Document) -> Document:
        """As if somebody had posted it.  Raises ApiError."""
        return self.registry.create(self.registry.resource(plural), namespace, body, Write())

    def delete(self, plural: str, namespace: str, name: str) -> None:
        """As if somebody had deleted it; nothing happens if it is not there."""
        item = self.get(plural, namespace, name)
        if item is not None:
            resource = self.registry.resource(plural)
            how = Options(uid=item["metadata"]["uid"])
            delete(self.registry, resource, namespace, name, how, Write())

    def watch(self, plural: str, called: Callable[[str], None]) -> Callable[[], None]:
        """Call `called` with `namespace/name` after each change; the result ends that."""
        store_key = self.registry.resource(plural).store_key
        return self.objects.listen(
            lambda change: called(key_of(change.new)) if change.resource == store_key else None
        )


def git_version(version: str) -> str:
    """`1.34.1` as a TKE API server says it."""
    return version if version.startswith("v") else f"v{version}-tke.1"


def _node_conditions(now: str) -> list[Document]:
    found = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "has sufficient memory available",
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "is posting ready status"),
    ]
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": f"kubelet {message}",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for kind, status, reason, message in found
    ]


def _node_info(version: str) -> Document:
    return {
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kernelVersion": "5.4.241-1-tlinux4-0017.7",
        "osImage": "TencentOS Server 3.1 (Final)",
        "containerRuntimeVersion": "containerd://1.6.9-tke.8",
        "kubeletVersion": version,
        "kubeProxyVersion": version,
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
