"""The five functions of a web UI workload."""

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.errors import RuleViolation
from apps.core.kinds import Applied, Blocked, Kind, Verdict
from apps.core.phases import Phase
from apps.core.words import Say
from apps.deployments import manifests
from apps.deployments.adoption import adopt
from apps.deployments.manifests import OWNER_LABEL, Place
from apps.deployments.models import Deployment
from apps.deployments.overlook import overlook
from apps.deployments.plan import PLURALS, Action, DeleteObject, Have, Key, Want, key_of, plan
from apps.deployments.spec import DeploymentSpec
from apps.deployments.words import STUCK, pod_say, rollout_say
from apps.environments.clients import kube_for
from apps.environments.models import Environment
from apps.environments.products import Product
from apps.environments.readings import due_now
from apps.registry.models import Version
from cloud.errors import Rejected
from cloud.kube import Conflicted, KubeClient
from cloud.kube_diff import object_diff, owned_differs
from cloud.kube_rollout import rollout_status
from cloud.types import FieldDiff, Rollout

LOOK_AGAIN_S = 2.0
STUCK_AGAIN_S = 10.0
FOREIGN = gettext_noop(
    "%(kind)s %(name)s exists already and was not made by the console; it is left alone. Remove it,"
    " or choose another name."
)
OURS = (
    ("v1", "persistentvolumes", "PersistentVolume"),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("apps/v1", "deployments", "Deployment"),
    ("v1", "services", "Service"),
)


def place(environment: Environment) -> Place:
    return Place(
        namespace=environment.namespace,
        registry=environment.tcr_domain,
        cfs_host=environment.cfs_mount_ip,
        cfs_fsid=environment.cfs_fsid,
    )


def desired(row: Deployment, spec: dict[str, Any] | None) -> Want | None:
    if spec is None:
        return None
    wish = DeploymentSpec.model_validate(spec)
    return Want(manifests.objects(row.pk, row.name, wish, place(row.environment)))


def observe(row: Deployment, want: Want | None) -> Have | None:
    """Our objects by label; for what differs, the answer of a server-side dry run."""
    kube = kube_for(row.environment)
    live = ours(kube, row)
    wanted = want.objects if want else ()
    for manifest in wanted:
        if key_of(manifest) not in live:
            refuse_foreign(kube, manifest)
    if not live:
        return None
    differs: dict[Key, tuple[FieldDiff, ...]] = {}
    replaced: set[Key] = set()
    holders: dict[Key, tuple[str, ...]] = {}
    for manifest in wanted:
        key = key_of(manifest)
        if key not in live or not owned_differs(manifest, live[key]):
            continue
        try:
            merged, held = dry_run(kube, manifest)
        except Rejected as refused:
            if refused.code != "Invalid" or "immutable" not in str(refused):
                raise
            replaced.add(key)
            continue
        differs[key] = tuple(object_diff(live[key], merged))
        holders[key] = held
    found = rollout(kube, row, live)
    if moved(row, found):
        # Cards and room changed with the pods: what other pages read of them should follow soon.
        due_now(row.environment, [Product.KUBE])
    return Have(
        live=live,
        differs=differs,
        replaced=frozenset(replaced),
        holders=holders,
        rollout=found,
        address=balancer_address(live.get(("Service", row.service_name))),
    )


def moved(row: Deployment, found: Rollout | None) -> bool:
    """True if pods came, went or found a node since the last look."""
    now = {(pod.name, pod.node) for pod in found.pods} if found else set()
    then = {(pod["name"], pod["node"]) for pod in row.observed.get("pods", ())}
    return now != then


def ours(kube: KubeClient, row: Deployment) -> dict[Key, Any]:
    """What carries our label, whatever its name."""
    selector = f"{OWNER_LABEL}={row.pk}"
    found: dict[Key, Any] = {}
    for api_version, plural, kind in OURS:
        for item in kube.list(
            api_version, plural, row.environment.namespace, label_selector=selector
        ).items:
            item.setdefault("kind", kind)
            item.setdefault("apiVersion", api_version)
            found[key_of(item)] = item
    return found


def refuse_foreign(kube: KubeClient, manifest: Any) -> None:
    """An object of this name that somebody else made is never touched.  Raises Blocked."""
    kind, name = key_of(manifest)
    namespace = manifest["metadata"].get("namespace")
    if kube.get(manifest["apiVersion"], PLURALS[kind], name, namespace) is not None:
        raise Blocked(Say.of(FOREIGN, kind=kind, name=name))


def dry_run(kube: KubeClient, manifest: Any) -> tuple[Any, tuple[str, ...]]:
    """The object as it would be, and who else holds fields that we are about to take."""
    try:
        return kube.apply(manifest, dry_run=True), ()
    except Conflicted as conflicted:
        held = tuple(sorted({conflict.manager for conflict in conflicted.conflicts}))
        return kube.apply(manifest, dry_run=True, force=True), held


def rollout(kube: KubeClient, row: Deployment, live: dict[Key, Any]) -> Rollout | None:
    deployment = live.get(("Deployment", row.name))
    if deployment is None:
        return None
    namespace, selector = row.environment.namespace, f"{OWNER_LABEL}={row.pk}"
    replicasets = kube.list("apps/v1", "replicasets", namespace, label_selector=selector).items
    pods = kube.list("v1", "pods", namespace, label_selector=selector).items
    ready = deployment.get("status", {}).get("availableReplicas", 0)
    events: tuple[Any, ...] = ()
    if ready < deployment["spec"].get("replicas", 1):
        kind = "involvedObject.kind=Pod"
        events = kube.list("v1", "events", namespace, field_selector=kind).items
    return rollout_status(deployment, replicasets, pods, events)


def balancer_address(service: Any) -> str:
    ingress = ((service or {}).get("status", {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return str(ingress[0].get("ip", ""))


def apply(row: Deployment, action: Action) -> Applied:
    """Force takes over fields that the plan named as held by others; a person accepted that."""
    kube = kube_for(row.environment)
    if isinstance(action, DeleteObject):
        uid = action.manifest["metadata"]["uid"]
        return Applied(kube.delete(action.manifest, uid=uid).request_id)
    return Applied(kube.apply(action.manifest, force=True).request_id)


def judge(want: Want | None, have: Have | None) -> Verdict:
    if want is None:
        left = len(have.live) if have else 0
        say = Say.of(gettext_noop("%(left)s objects are still being removed."), left=left)
        return Verdict(Phase.WORKING, say, LOOK_AGAIN_S)
    if have and have.replaced:
        say = Say(gettext_noop("The old volume is being let go; then everything is made again."))
        return Verdict(Phase.WORKING, say, LOOK_AGAIN_S)
    found = have.rollout if have else None
    if found is None:
        return Verdict(
            Phase.DEGRADED,
            Say(gettext_noop("The Deployment is not there any more.")),
            STUCK_AGAIN_S,
        )
    say, done, total = rollout_say(found), found.done, found.total
    if found.complete:
        if total == 0:
            return Verdict(Phase.READY, Say(gettext_noop("Scaled to zero.")))
        return Verdict(Phase.READY, say, None, done, total)
    overdue = found.message_code == "deadline"
    if overdue and found.stall in STUCK:
        say = Say.of(gettext_noop("The rollout is past its deadline. %(cause)s"), cause=say)
    if found.failed or found.stall in STUCK:
        return Verdict(Phase.DEGRADED, say, STUCK_AGAIN_S, done, total, overdue=overdue)
    return Verdict(Phase.WORKING, say, LOOK_AGAIN_S, done, total)


def picture(have: Have | None) -> dict[str, Any]:
    """What the page shows between two looks."""
    if have is None:
        return {}
    found = have.rollout
    return {
        "address": have.address,
        "objects": [list(key) for key in have.live],
        "pods": [
            {
                "name": pod.name,
                "node": pod.node,
                "ip": pod.ip,
                "phase": pod.phase,
                "ready": pod.ready,
                "restarts": pod.restarts,
                "code": pod.code,
                "say": pod_say(pod).to_json(),
            }
            for pod in (found.pods if found else ())
        ],
    }


def repeats(spec: dict[str, Any]) -> dict[str, Any]:
    """The foreign key follows the accepted spec.  Raises RuleViolation if the version is gone."""
    if not Version.objects.filter(pk=spec["checkpoint"]).exists():
        raise RuleViolation(_now("The checkpoint of this plan was removed meanwhile."))
    return {"checkpoint_id": spec["checkpoint"]}


KIND = Kind(
    name="deployment",
    model=Deployment,
    queue="reconcile",
    desired=desired,
    observe=observe,
    plan=plan,
    apply=apply,
    judge=judge,
    picture=picture,
    repeats=repeats,
    overlook=overlook,
    adopt=adopt,
    rolls_back=lambda row: bool(row.spec.get("auto_rollback")),
    label=_("Deployment"),
    resync_s=30,
    page="deployment-detail",
)
