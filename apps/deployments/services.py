"""What people do with deployments: propose, change, delete.  Every change becomes a plan."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.audit.services import record
from apps.core.errors import Conflict, RuleViolation
from apps.core.models import Plan, Revision
from apps.core.phases import Phase
from apps.core.plans import Draft, plan_open
from apps.core.words import Say
from apps.deployments import flags
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec, ImageSpec
from apps.environments.models import Environment
from apps.environments.selectors import cards as card_facts
from apps.environments.selectors import image
from apps.gpu import rules
from apps.gpu.rules import Card, SliceAsk
from apps.gpu.selectors import free_cards
from apps.gpu.words import check_slice
from apps.registry.models import FOLDERS, ModelType, Version

if TYPE_CHECKING:
    from apps.accounts.models import User


@transaction.atomic
def deployment_create(
    *,
    person: "User",
    environment: Environment,
    name: str,
    wish: dict[str, Any],
    public_confirmed: bool = False,
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Draft a deployment and ask for its plan.

    `wish` is a DeploymentSpec without what the console looks up itself (digest, checkpoint_file).
    `public_confirmed`: somebody said yes to a load balancer that the whole internet reaches.
    Raises RuleViolation with one sentence; nothing is kept then.
    """
    if Deployment.objects.filter(environment=environment, name=name).exists():
        raise RuleViolation(_("There is a deployment of this name already."), field="name")
    row = Deployment(environment=environment, name=name)
    check_name(row)
    spec = complete(environment, wish, None)
    check_public(spec, None, public_confirmed)
    row.checkpoint_id = spec.checkpoint
    row.save()
    title = Say.of(gettext_noop("Create deployment %(name)s"), name=name)
    return propose(row, spec, title, person, reason, "deployment.create", trigger)


@transaction.atomic
def deployment_change(
    *,
    person: "User",
    row: Deployment,
    wish: dict[str, Any],
    seen: int | None = None,
    public_confirmed: bool = False,
    reason: str = "",
    trigger: str = "person",
) -> Plan:
    """Plan another spec for the deployment.  `seen` is the generation the editor started from."""
    refuse_deleting(row)
    if seen is not None and seen != row.generation:
        raise Conflict(
            _("Somebody changed this deployment while you were editing; what you typed is kept."),
            current=row.spec,
        )
    spec = complete(row.environment, wish, row)
    check_public(spec, row, public_confirmed)
    title = Say.of(gettext_noop("Change deployment %(name)s"), name=row.name)
    return propose(row, spec, title, person, reason, "deployment.change", trigger)


@transaction.atomic
def deployment_scale(*, person: "User", row: Deployment, replicas: int, reason: str = "") -> Plan:
    """Plan another number of replicas."""
    refuse_draft(row)
    wish = {**row.spec, "replicas": replicas}
    return deployment_change(person=person, row=row, wish=wish, reason=reason)


@transaction.atomic
def deployment_restore(*, person: "User", row: Deployment, number: int) -> Plan:
    """Plan an earlier accepted revision again, with the very image it had.

    Raises RuleViolation if there is none of that number, or its rules do not hold any more."""
    revision = Revision.objects.filter(
        kind="deployment", object_id=row.pk, number=number, accepted_at__isnull=False
    ).first()
    if revision is None:
        raise RuleViolation(_("There is no accepted revision r%(number)d.") % {"number": number})
    reason = _("Back to r%(number)d") % {"number": number}
    return deployment_change(
        person=person, row=row, wish=revision.spec, reason=reason, trigger="rollback"
    )


@transaction.atomic
def deployment_delete(
    *, person: "User", row: Deployment, reason: str = "", trigger: str = "person"
) -> Plan:
    """Plan the removal of every object of the deployment; the files on CFS stay."""
    refuse_deleting(row)
    if row.phase == Phase.DRAFT:
        raise RuleViolation(_("This is only a draft; discard its plan instead."))
    title = Say.of(gettext_noop("Delete deployment %(name)s"), name=row.name)
    plan = plan_open(
        title=title,
        scope=row.environment.name,
        policy=row.environment.policy,
        author=person,
        drafts=[Draft(row, None)],
        reason=reason,
        trigger=trigger,
    )
    record(person, "deployment.delete", "deployment", row.pk, row.name, reason=reason)
    return plan


@transaction.atomic
def deployment_put_back(*, person: "User", row: Deployment) -> Plan:
    """Plan the accepted spec again: what was changed by hand in the cluster is put back."""
    refuse_deleting(row)
    refuse_draft(row)
    title = Say.of(gettext_noop("Put deployment %(name)s back in step"), name=row.name)
    spec = DeploymentSpec.model_validate(row.spec)
    return propose(row, spec, title, person, "", "deployment.put_back", trigger="drift")


def check_name(row: Deployment) -> None:
    try:
        row.full_clean(exclude=["spec"])
    except ValidationError as wrong:
        raise RuleViolation(wrong.messages[0], field="name") from wrong


def refuse_deleting(row: Deployment) -> None:
    if row.deleting:
        raise RuleViolation(_("This deployment is being deleted."))


def refuse_draft(row: Deployment) -> None:
    if not row.revision:
        raise RuleViolation(_("Nothing was accepted for this deployment yet."))


def check_public(spec: DeploymentSpec, row: Deployment | None, confirmed: bool) -> None:
    """Opening it to the internet wants a yes; leaving open what is open already does not."""
    was = row.spec.get("service", {}).get("type") if row else None
    if spec.service.type == "Public" and was != "Public" and not confirmed:
        raise RuleViolation(
            _("A public load balancer has to be confirmed."), field="public_confirmed"
        )


def propose(
    row: Deployment,
    spec: DeploymentSpec,
    title: Say,
    person: "User",
    reason: str,
    verb: str,
    trigger: str = "person",
) -> Plan:
    after = spec.model_dump(mode="json")
    plan = plan_open(
        title=title,
        scope=row.environment.name,
        policy=row.environment.policy,
        author=person,
        drafts=[Draft(row, after)],
        reason=reason,
        trigger=trigger,
    )
    before = row.spec or None
    record(person, verb, "deployment", row.pk, row.name, before, after, reason)
    return plan


def complete(
    environment: Environment, wish: dict[str, Any], row: Deployment | None
) -> DeploymentSpec:
    """The wish with what only the console knows, checked by every rule.  Raises RuleViolation."""
    check_adopted(environment)
    checkpoint = check_checkpoint(environment, wish.get("checkpoint"))
    chosen = check_image(environment, wish.get("image") or {}, row)
    try:
        spec = DeploymentSpec.model_validate(
            {
                **wish,
                "image": chosen,
                "checkpoint": checkpoint.pk,
                "checkpoint_file": checkpoint.file_on_disk,
            }
        )
    except ValueError as wrong:
        raise RuleViolation(*first_error(wrong)) from wrong
    check_arguments(spec)
    ask = SliceAsk(spec.slice.core, spec.slice.memory_gib)
    check_slice(ask)
    check_room(environment, ask, spec.replicas, row)
    return spec


def first_error(wrong: ValueError) -> tuple[str, str]:
    """One sentence out of pydantic's list, and the member of the spec it is about."""
    errors: list[Any] = getattr(wrong, "errors", list)()
    if not errors:
        return str(wrong), ""
    path = [str(part) for part in errors[0]["loc"]]
    return f"{'.'.join(path)}: {errors[0]['msg']}", path[0] if path else ""


def check_adopted(environment: Environment) -> None:
    if not (environment.cluster_id and environment.cfs_mount_ip and environment.tcr_domain):
        raise RuleViolation(
            _(
                "This environment has no cluster, file system or image registry yet;"
                " adopt them first."
            ),
            field="environment",
        )


def check_checkpoint(environment: Environment, pk: Any) -> Version:
    mine = Version.objects.select_related("model").filter(environment=environment)
    version: Version | None = mine.filter(pk=pk).first() if pk else None
    if version is None or version.model.type != ModelType.CHECKPOINT:
        raise RuleViolation(_("Choose a checkpoint of this environment."), field="checkpoint")
    if not version.is_published:
        raise RuleViolation(
            _("%(version)s is not published yet; wait until it is on CFS.") % {"version": version},
            field="checkpoint",
        )
    return version


def check_image(
    environment: Environment, chosen: dict[str, Any], row: Deployment | None
) -> ImageSpec:
    """The image with the digest its tag means now, or the pinned one if the choice did not move.

    Only the console's own revisions bring a digest: forms and the API cannot."""
    repository, tag = str(chosen.get("repository", "")), str(chosen.get("tag", ""))
    if row and chosen.get("digest"):
        return ImageSpec(**chosen)  # of an accepted revision: what ran then, not what it means now
    if row and row.spec:
        pinned = row.spec["image"]
        if (pinned["repository"], pinned["tag"]) == (repository, tag):
            return ImageSpec(**pinned)
    found = image(environment, repository, tag)
    if found is None:
        raise RuleViolation(
            _("There is no image %(image)s in the registry of this environment.")
            % {"image": f"{repository}:{tag}"},
            field="image",
        )
    return ImageSpec(repository=found.repository, tag=found.tag, digest=found.digest)


def check_arguments(spec: DeploymentSpec) -> None:
    unknown = next((name for name in spec.flags if name not in flags.BY_NAME), None)
    if unknown:
        raise RuleViolation(
            _("The console does not know the flag %(flag)s.") % {"flag": unknown}, field="flags"
        )
    clash = flags.clash(spec.flags)
    if clash:
        raise RuleViolation(
            _("%(one)s and %(other)s exclude each other.") % {"one": clash[0], "other": clash[1]},
            field="flags",
        )
    refused = flags.not_allowed(spec.extra_args)
    if refused:
        raise RuleViolation(
            _(
                "%(arg)s may not be an extra argument: the console sets it, or it would open"
                " the pod."
            )
            % {"arg": refused},
            field="extra_args",
        )
    variable = flags.bad_variable(spec.environment)
    if variable is not None:
        raise RuleViolation(
            _("%(name)s may not be an environment variable here.") % {"name": variable or "“”"},
            field="variables",
        )
    foreign = next((folder for folder in spec.folders if folder not in FOLDERS.values()), None)
    if foreign:
        raise RuleViolation(
            _("%(folder)s is not a model folder.") % {"folder": foreign}, field="folders"
        )
    if spec.service.type == "Internal" and not spec.service.subnet_id:
        raise RuleViolation(_("An internal load balancer needs a subnet."), field="subnet_id")


def check_room(
    environment: Environment, ask: SliceAsk, replicas: int, row: Deployment | None
) -> None:
    """Refuse what has no place, and name the nearest that has.  Its own slices count as free."""
    cards = with_own_given_back(free_cards(environment), row)
    packing = rules.pack(cards, ask, replicas)
    if len(packing.placed) >= replicas:
        return
    message = _("%(fit)d of %(asked)d replicas fit: no card has room for another %(slice)s.") % {
        "fit": len(packing.placed),
        "asked": replicas,
        "slice": ask,
    }
    for near in rules.nearest(packing.cards, ask):
        if near.member == "core":
            message += " " + _("With %(value)d%% compute one more fits.") % {"value": near.value}
        else:
            message += " " + _("With %(value)d GiB one more fits.") % {"value": near.value}
    raise RuleViolation(message, field="replicas")


def with_own_given_back(cards: list[Card], row: Deployment | None) -> list[Card]:
    """The cards as they are once this deployment's present slices are gone."""
    if row is None or not row.spec:
        return cards
    freed = {(card.node, card.index): card for card in cards}
    for facts in card_facts(row.environment):
        if facts.index is None:
            continue  # nobody told on which card: nothing was taken off one either
        for pod in facts.pods:
            at = (facts.node, facts.index)
            if pod.instance == row.name and at in freed:
                freed[at] = rules.give_back(freed[at], SliceAsk(pod.core, pod.memory_gib))
    return list(freed.values())
