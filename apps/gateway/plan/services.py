"""What it takes to lead requests to a deployment, and each client to its pod.  Pure."""

from dataclasses import dataclass, replace

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.words import Say
from apps.gateway.plan.lines import Held, change_of, lines_of

NO_HASH = "none"
HASHING = "consisten_hashing"  # as the API spells it
CREATE_SERVICE = "CreateCloudNativeAPIGatewayService"


@dataclass(frozen=True)
class Binding:
    """What we own of a gateway service."""

    name: str
    cluster_id: str
    namespace: str
    kube_service: str
    port: int
    protocol: str = "http"
    timeout_ms: int = 600_000
    retries: int = 1
    algorithm: str = "round-robin"


@dataclass(frozen=True)
class ServiceWant:
    """`hash_on` "ip" keeps a client with its pod.  The rest is for judging: the deployment's name
    ("" = it is gone), its replicas, and whether its page makes stickiness required."""

    binding: Binding
    hash_on: str = NO_HASH
    deployment: str = ""
    replicas: int = 0
    sticky_required: bool = False
    leaving: bool = False  # the deployment is being deleted


@dataclass(frozen=True)
class PodBehind:
    host: str
    port: int
    healthy: bool = True


@dataclass(frozen=True)
class ServiceHave:
    """`hash_on` "" = the gateway's console did not tell.  `kube_service_there` is only asked for
    when no pod is behind the service."""

    id: str
    binding: Binding
    hash_on: str = NO_HASH
    pods: tuple[PodBehind, ...] = ()
    kube_service_there: bool = True


@dataclass(frozen=True)
class CreateService:
    binding: Binding

    @property
    def key(self) -> str:
        return f"service/{self.binding.name}"

    @property
    def change(self) -> Change:
        fields = _binding_fields(None, self.binding)
        return change_of("create", "Gateway service", self.binding.name, CREATE_SERVICE, fields)


@dataclass(frozen=True)
class ModifyService:
    """`hashed`: the upstream has a hash key, which this call may put back."""

    id: str
    old: Binding
    new: Binding
    hashed: bool = False

    @property
    def key(self) -> str:
        return f"service/{self.new.name}"

    @property
    def change(self) -> Change:
        text = gettext_noop(
            "Stickiness is looked up again right after: this call may put it back to none."
        )
        return change_of(
            "change",
            "Gateway service",
            self.new.name,
            "ModifyCloudNativeAPIGatewayService",
            _binding_fields(self.old, self.new),
            (Say(text),) if self.hashed else (),
        )


@dataclass(frozen=True)
class SetHash:
    """Through the gateway's console (Konga or Kong Admin): its own API has no word for the key."""

    service: str
    old: str
    new: str

    @property
    def key(self) -> str:
        return f"service/{self.service}/hash"

    @property
    def heals(self) -> bool:
        """A lost hash key throws people out of their sessions: it is put back without asking."""
        return self.new == "ip"

    @property
    def change(self) -> Change:
        if self.new == "ip":
            note = gettext_noop(
                "Set through Konga. Each client address keeps its pod; clients behind one address"
                " share one."
            )
        else:
            note = gettext_noop("Clients change pods from request to request then.")
        fields = (Field(gettext_noop("Stickiness"), "hash_on", self.old or None, self.new),)
        return change_of(
            "change",
            "Stickiness",
            self.service,
            "PATCH Konga /kong/upstreams",
            fields,
            (Say(note),),
        )


@dataclass(frozen=True)
class DeleteService:
    id: str
    name: str

    @property
    def key(self) -> str:
        return f"delete/service/{self.name}"

    @property
    def change(self) -> Change:
        return change_of(
            "delete",
            "Gateway service",
            self.name,
            "DeleteCloudNativeAPIGatewayService",
            notes=(Say(gettext_noop("The deployment and its pods are not touched.")),),
            destructive=True,
        )


ServiceAction = CreateService | ModifyService | SetHash | DeleteService


def service_plan(want: ServiceWant | None, have: ServiceHave | Held | None) -> list[ServiceAction]:
    if want is None:
        known = have if isinstance(have, ServiceHave) else None
        return [DeleteService(known.id, known.binding.name)] if known else []
    name = want.binding.name
    if not isinstance(have, ServiceHave):
        made: list[ServiceAction] = [CreateService(want.binding)]
        return [*made, SetHash(name, NO_HASH, want.hash_on)] if want.hash_on == "ip" else made
    actions: list[ServiceAction] = []
    # Unknown is only in the way of who wants it set.
    hash_differs = want.hash_on != (have.hash_on or NO_HASH)
    # Setting the key brings the algorithm along, and unsetting takes it away.
    settled = (
        _with_algorithm(have.binding, want.binding.algorithm) if hash_differs else have.binding
    )
    if settled != want.binding:
        actions.append(ModifyService(have.id, settled, want.binding, want.hash_on == "ip"))
    if hash_differs:
        actions.append(SetHash(name, have.hash_on, want.hash_on))
    return actions


def _with_algorithm(binding: Binding, algorithm: str) -> Binding:
    return replace(binding, algorithm=algorithm)


BINDING_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("kube_service", gettext_noop("Kubernetes Service"), "UpstreamInfo.ServiceName"),
    ("namespace", gettext_noop("Namespace"), "UpstreamInfo.Namespace"),
    ("port", gettext_noop("Port"), "UpstreamInfo.Port"),
    ("cluster_id", gettext_noop("Cluster"), "UpstreamInfo.SourceID"),
    ("protocol", gettext_noop("Protocol"), "Protocol"),
    ("timeout_ms", gettext_noop("Time-out, ms"), "Timeout"),
    ("retries", gettext_noop("Retries"), "Retries"),
    ("algorithm", gettext_noop("Balancing"), "UpstreamInfo.Algorithm"),
)


def _binding_fields(old: Binding | None, new: Binding) -> tuple[Field, ...]:
    return lines_of(BINDING_FIELDS, old, new)
