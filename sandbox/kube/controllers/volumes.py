"""PersistentVolumes and claims: binding, release, and protection while in use."""

from typing import Any

from sandbox.kube.context import MANAGER, Context, finished, key_of, split
from sandbox.kube.deletion import Options, delete
from sandbox.kube.quantity import parse
from sandbox.kube.writes import Write

Document = dict[str, Any]
COMPONENT = "persistentvolume-controller"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
COMPLETED = "pv.kubernetes.io/bind-completed"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def mismatch(volume: Document, claim: Document) -> str:
    """Why the volume cannot serve the claim, or ""."""
    have, want = volume["spec"], claim["spec"]
    if have.get("storageClassName", "") != want.get("storageClassName", ""):
        return "storageClassName does not match"
    if not set(want["accessModes"]) <= set(have["accessModes"]):
        return "incompatible accessMode"
    if have.get("volumeMode", "Filesystem") != want.get("volumeMode", "Filesystem"):
        return "incompatible volumeMode"
    if parse(have["capacity"]["storage"]) < parse(want["resources"]["requests"]["storage"]):
        return "requested PV is too small"
    selector = want.get("selector", {}).get("matchLabels", {})
    if not selector.items() <= volume["metadata"].get("labels", {}).items():
        return "labels do not match"
    return ""


class Claims:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        namespace, name = split(key)
        claim = self.context.get("persistentvolumeclaims", namespace, name)
        if claim is None:
            return
        if "deletionTimestamp" in claim["metadata"]:
            self._let_go(claim)
            return
        if claim["status"].get("phase") == "Bound":
            self._check_lost(claim)
            return
        volume = self._choose(claim)
        if volume is not None:
            self._bind(volume, claim)

    def _choose(self, claim: Document) -> Document | None:
        wanted = claim["spec"].get("volumeName")
        if wanted:
            return self._named(claim, wanted)
        for volume in self.context.list("persistentvolumes"):
            if _claimed_by(volume, claim) and not mismatch(volume, claim):
                return volume
        fitting = [
            volume
            for volume in self.context.list("persistentvolumes")
            if "claimRef" not in volume["spec"]
            and "deletionTimestamp" not in volume["metadata"]
            and not mismatch(volume, claim)
        ]
        if fitting:
            return min(fitting, key=lambda item: parse(item["spec"]["capacity"]["storage"]))
        self._explain(claim)
        return None

    def _named(self, claim: Document, wanted: str) -> Document | None:
        volume = self.context.get("persistentvolumes", "", wanted)
        if volume is None:
            self._say(claim, "Warning", "FailedBinding", f'volume "{wanted}" not found')
            return None
        why = mismatch(volume, claim)
        if why:
            said = f'Cannot bind to requested volume "{wanted}": {why}'
            self._say(claim, "Warning", "VolumeMismatch", said)
            return None
        if "claimRef" in volume["spec"] and not _claimed_by(volume, claim):
            said = f'volume "{wanted}" already bound to a different claim.'
            self._say(claim, "Warning", "FailedBinding", said)
            return None
        return volume

    def _explain(self, claim: Document) -> None:
        name = claim["spec"].get("storageClassName", "")
        item = self.context.get("storageclasses", "", name) if name else None
        if not name:
            said = "no persistent volumes available for this claim and no storage class is set"
            self._say(claim, "Normal", "FailedBinding", said)
        elif item is None:
            said = f'storageclass.storage.k8s.io "{name}" not found'
            self._say(claim, "Warning", "ProvisioningFailed", said)
        else:
            said = (
                "Waiting for a volume to be created either by the external provisioner "
                f"'{item['provisioner']}' or manually by the system administrator."
            )
            self._say(claim, "Normal", "ExternalProvisioning", said)

    def _say(self, claim: Document, kind: str, reason: str, message: str) -> None:
        self.context.events.record(claim, kind, reason, message, COMPONENT)

    def _bind(self, volume: Document, claim: Document) -> None:
        metadata = claim["metadata"]
        reference = {
            "kind": "PersistentVolumeClaim",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "apiVersion": "v1",
            "resourceVersion": metadata["resourceVersion"],
        }

        def claimed(item: Document) -> None:
            if "claimRef" not in item["spec"]:
                item["metadata"].setdefault("annotations", {})[BY_CONTROLLER] = "yes"
            item["spec"]["claimRef"] = reference

        def named(item: Document) -> None:
            annotations = item["metadata"].setdefault("annotations", {})
            annotations[COMPLETED] = "yes"
            if not item["spec"].get("volumeName"):
                annotations[BY_CONTROLLER] = "yes"
            item["spec"]["volumeName"] = volume["metadata"]["name"]

        def bound(item: Document) -> None:
            item["status"]["phase"] = "Bound"
            item["status"]["accessModes"] = volume["spec"]["accessModes"]
            item["status"]["capacity"] = volume["spec"]["capacity"]

        registry, name = self.context.registry, volume["metadata"]["name"]
        place = (metadata["namespace"], metadata["name"])
        registry.mutate("persistentvolumes", "", name, claimed)
        _phase(self.context, name, "Bound")
        registry.mutate("persistentvolumeclaims", *place, named)
        registry.mutate("persistentvolumeclaims", *place, bound, subresource="status")

    def _check_lost(self, claim: Document) -> None:
        name = claim["spec"]["volumeName"]
        if self.context.get("persistentvolumes", "", name) is not None:
            return
        said = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        self._say(claim, "Warning", "ClaimLost", said)

        def lost(item: Document) -> None:
            item["status"]["phase"] = "Lost"

        metadata = claim["metadata"]
        self.context.registry.mutate(
            "persistentvolumeclaims",
            metadata["namespace"],
            metadata["name"],
            lost,
            subresource="status",
        )

    def _let_go(self, claim: Document) -> None:
        """A claim goes once no pod uses it any more."""
        namespace, name = split(key_of(claim))
        for pod in self.context.list("pods", namespace):
            volumes = pod["spec"].get("volumes", [])
            names = [v.get("persistentVolumeClaim", {}).get("claimName") for v in volumes]
            if name in names and not finished(pod) and pod["spec"].get("nodeName"):
                return
        _unprotect(self.context, "persistentvolumeclaims", claim, CLAIM_PROTECTION)


class Volumes:
    def __init__(self, context: Context) -> None:
        self.context = context

    def reconcile(self, key: str) -> None:
        _, name = split(key)
        volume = self.context.get("persistentvolumes", "", name)
        if volume is None:
            return
        reference = volume["spec"].get("claimRef")
        claim = None
        if reference:
            found = self.context.get(
                "persistentvolumeclaims", reference["namespace"], reference["name"]
            )
            if found and reference.get("uid") in (None, "", found["metadata"]["uid"]):
                claim = found
        bound = claim is not None and claim["status"].get("phase") == "Bound"
        if "deletionTimestamp" in volume["metadata"] and not bound:
            _unprotect(self.context, "persistentvolumes", volume, VOLUME_PROTECTION)
        elif not reference or (claim is None and not reference.get("uid")):
            _phase(self.context, name, "Available")
        elif claim is None:
            self._reclaim(volume)

    def _reclaim(self, volume: Document) -> None:
        name = volume["metadata"]["name"]
        _phase(self.context, name, "Released")
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            resource = self.context.registry.resource("persistentvolumes")
            delete(self.context.registry, resource, "", name, Options(), Write(manager=MANAGER))


def _claimed_by(volume: Document, claim: Document) -> bool:
    reference = volume["spec"].get("claimRef", {})
    metadata = claim["metadata"]
    return (
        reference.get("namespace") == metadata["namespace"]
        and reference.get("name") == metadata["name"]
        and reference.get("uid") in (None, "", metadata["uid"])
    )


def _phase(context: Context, name: str, phase: str) -> None:
    now = context.stamp()

    def change(item: Document) -> None:
        if item["status"].get("phase") != phase:
            item["status"]["phase"] = phase
            item["status"]["lastPhaseTransitionTime"] = now

    context.registry.mutate("persistentvolumes", "", name, change, subresource="status")


def _unprotect(context: Context, plural: str, item: Document, finalizer: str) -> None:
    namespace, name = split(key_of(item))

    def change(body: Document) -> None:
        kept = [one for one in body["metadata"].get("finalizers", []) if one != finalizer]
        body["metadata"]["finalizers"] = kept

    context.registry.mutate(plural, namespace, name, change)
