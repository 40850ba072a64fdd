"""What has to be done to a workload's objects.  Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core.changes import Area, Change, Field
from apps.core.words import Say
from apps.deployments import labels
from cloud.types import FieldDiff, Rollout

Manifest = Mapping[str, Any]
Key = tuple[str, str]  # kind, name
# What stands on others goes first when deleting: traffic, then pods, then what they mount.
DELETE_ORDER = ("Service", "Deployment", "PersistentVolumeClaim", "PersistentVolume")
PLURALS = {
    "Service": "services",
    "Deployment": "deployments",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "PersistentVolume": "persistentvolumes",
}


def key_of(manifest: Manifest) -> Key:
    return manifest["kind"], manifest["metadata"]["name"]


@dataclass(frozen=True)
class Want:
    """The objects there should be, in the order they are made."""

    objects: tuple[Manifest, ...]


@dataclass(frozen=True)
class Have:
    """What is there.

    live: our objects by kind and name.
    differs: per wanted object that is there, what a server-side dry run says would change.
    replaced: objects whose change the API refuses for ever (immutable fields).
    holders: field managers that hold a field we are about to set, by object.
    """

    live: Mapping[Key, Manifest]
    differs: Mapping[Key, tuple[FieldDiff, ...]] = field(default_factory=dict)
    replaced: frozenset[Key] = frozenset()
    holders: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    rollout: Rollout | None = None
    address: str = ""  # of the load balancer, once bought


@dataclass(frozen=True)
class ApplyObject:
    """Server-side apply of one manifest."""

    manifest: Manifest
    change: Change

    @property
    def key(self) -> str:
        return "/".join(key_of(self.manifest))


@dataclass(frozen=True)
class DeleteObject:
    """Delete one object of ours, and only that very one (by uid)."""

    manifest: Manifest
    change: Change

    @property
    def key(self) -> str:
        return "delete/" + "/".join(key_of(self.manifest))


Action = ApplyObject | DeleteObject


def plan(want: Want | None, have: Have | None) -> list[Action]:
    live = have.live if have else {}
    wanted = {key_of(manifest): manifest for manifest in want.objects} if want else {}
    replaced = with_users(wanted, have.replaced) if have else set()
    gone = [manifest for key, manifest in live.items() if key not in wanted or key in replaced]
    gone.sort(key=lambda manifest: DELETE_ORDER.index(manifest["kind"]))
    # While a deletion is on its way there is nothing to send again.
    actions: list[Action] = [
        deletion(manifest, replaced=key_of(manifest) in wanted)
        for manifest in gone
        if not manifest["metadata"].get("deletionTimestamp")
    ]
    for key, manifest in wanted.items():
        if key in replaced:
            continue  # made again once the old one is gone
        if key not in live:
            actions.append(ApplyObject(manifest, creation(manifest)))
        elif have and have.differs.get(key):
            holders = have.holders.get(key, ())
            actions.append(ApplyObject(manifest, alteration(manifest, have.differs[key], holders)))
    return actions


def with_users(wanted: Mapping[Key, Manifest], replaced: frozenset[Key]) -> set[Key]:
    """`replaced`, and what has to let go first: the claim of a volume, the Deployment of a claim.

    Kubernetes keeps a claim until no pod mounts it, and a volume until no claim binds it.
    """
    found = set(replaced)
    for key, manifest in wanted.items():  # in the order they are made: users come later
        spec = manifest["spec"]
        if key[0] == "PersistentVolumeClaim":
            uses = [("PersistentVolume", spec["volumeName"])]
        elif key[0] == "Deployment":
            uses = [
                ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
                for volume in spec["template"]["spec"]["volumes"]
                if "persistentVolumeClaim" in volume
            ]
        else:
            uses = []
        if any(used in found for used in uses):
            found.add(key)
    return found


def area_of(manifest: Manifest) -> Area:
    return "storage" if manifest["kind"].startswith("PersistentVolume") else "kubernetes"


def creation(manifest: Manifest) -> Change:
    kind, name = key_of(manifest)
    lines = tuple(
        line for path, value in labels.telling(manifest) for line in fields(path, None, value)
    )
    notes = labels.creation_notes(manifest)
    return Change("create", area_of(manifest), kind, name, call("PATCH", manifest), lines, notes)


def alteration(
    manifest: Manifest, differs: tuple[FieldDiff, ...], holders: tuple[str, ...]
) -> Change:
    kind, name = key_of(manifest)
    lines = tuple(
        line
        for diff in differs
        if labels.worth_telling(diff.path)
        for line in fields(diff.path, diff.live, diff.want, by=diff.changed_by, at=diff.changed_at)
    )
    notes = tuple(Say.of(labels.HELD_BY, manager=manager) for manager in holders)
    template = any(diff.path.startswith("spec.template") for diff in differs)
    restarts = int(manifest["spec"].get("replicas", 1)) if kind == "Deployment" and template else 0
    return Change(
        "change", area_of(manifest), kind, name, call("PATCH", manifest), lines, notes, restarts
    )


def fields(path: str, old: Any, new: Any, *, by: str = "", at: str = "") -> Iterator[Field]:
    """`by` and `at`: who wrote the old value, and when."""
    for where, value, other in labels.unfolded(path, old, new):
        secret = labels.secret(where)
        yield Field(
            labels.word(where), where, value, other, secret=secret, changed_by=by, changed_at=at
        )


def deletion(manifest: Manifest, *, replaced: bool = False) -> DeleteObject:
    """`replaced`: it is made again once it is gone."""
    kind, name = key_of(manifest)
    notes = labels.replacement_notes(manifest) if replaced else labels.deletion_notes(manifest)
    pods = int(manifest["spec"].get("replicas", 1)) if kind == "Deployment" else 0
    change = Change(
        "replace" if replaced else "delete",
        area_of(manifest),
        kind,
        name,
        call("DELETE", manifest),
        (),
        notes,
        restarts=pods if replaced else 0,
        destructive=kind in ("Service", "Deployment"),
    )
    return DeleteObject(manifest, change)


def call(verb: str, manifest: Manifest) -> str:
    return f"{verb} {manifest['apiVersion']} {PLURALS[manifest['kind']]}"
