"""Taking over into the wish what somebody changed in the cluster."""

from collections.abc import Sequence
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from apps.core.changes import MASK, Change, Field
from apps.core.errors import RuleViolation
from apps.deployments import flags
from apps.deployments.manifests import CHECKPOINTS, QGPU_CORE, QGPU_MEMORY
from apps.deployments.models import Deployment
from apps.deployments.spec import ROOT, DeploymentSpec
from apps.environments.selectors import images
from apps.gpu.rules import SliceAsk
from apps.gpu.words import check_slice
from apps.registry.models import Version
from cloud.kube_paths import steps
from cloud.kube_shape import quantity

GIB = 1024**3
Spec = dict[str, Any]


def adopt(row: Deployment, drift: Sequence[Change]) -> Spec:
    """The accepted wish with the live values of `drift` in it.

    Raises RuleViolation for what no wish can say: an object that is missing, a field the console
    derives, or a value its rules refuse."""
    spec: Spec = DeploymentSpec.model_validate(row.spec).model_dump(mode="json")
    for change in drift:
        if change.op != "change":
            raise RuleViolation(
                _("%(kind)s %(name)s itself is missing or too many: put it back instead.")
                % {"kind": change.object_kind, "name": change.name}
            )
        for line in change.fields:
            if line.op != "none":
                take(row, spec, change, line)
    check_slice(SliceAsk(spec["slice"]["core"], spec["slice"]["memory_gib"]))
    try:
        return DeploymentSpec.model_validate(spec).model_dump(mode="json")
    except ValueError as wrong:
        raise RuleViolation(_("What is live there breaks the rules of a wish.")) from wrong


def take(row: Deployment, spec: Spec, change: Change, line: Field) -> None:
    where = steps(line.path)
    name = str(where[-1])
    if change.object_kind != "Deployment" or (line.secret and line.old is not None):
        refuse(change, line)
    if where == ["spec", "replicas"]:
        spec["replicas"] = whole(change, line)
    elif name == "image":
        spec["image"] = image(row, change, line)
    elif name == "sdconsole.io/image-tag":
        return  # follows the image
    elif name == "args":
        take_arguments(row, spec, change, line)
    elif "limits" in where:
        take_limit(spec, change, line, name)
    elif "env" in where:
        take_variable(spec, change, line, where)
    else:
        refuse(change, line)


def refuse(change: Change, line: Field) -> NoReturn:
    raise RuleViolation(
        _("A wish cannot say %(field)s of %(kind)s %(name)s: put it back, or ignore it.")
        % {"field": line.path, "kind": change.object_kind, "name": change.name}
    )


def whole(change: Change, line: Field, unit: int = 1) -> int:
    """The live amount in whole `unit`s."""
    amount = quantity(line.old)
    if amount is None or amount % unit:
        refuse(change, line)
    return int(amount / unit)


def take_limit(spec: Spec, change: Change, line: Field, name: str) -> None:
    if name == QGPU_MEMORY:
        spec["slice"]["memory_gib"] = whole(change, line) if line.old is not None else 0
    elif name == QGPU_CORE:
        spec["slice"]["core"] = whole(change, line)
    elif name == "cpu" and (cores := quantity(line.old)) is not None:
        spec["cpu"] = float(cores)
    elif name == "memory":
        spec["memory_gib"] = whole(change, line, GIB)
    else:
        refuse(change, line)


def take_variable(spec: Spec, change: Change, line: Field, where: list[Any]) -> None:
    item = next(iter(where[where.index("env") + 1 :]), None)
    if not isinstance(item, dict):
        refuse(change, line)
    name, value = item.get("name", ""), line.old
    if isinstance(value, dict):
        value = value.get("value")
    if line.old is None:
        spec["environment"].pop(name, None)
    elif not isinstance(value, str) or value.startswith(MASK) or flags.bad_variable([name]):
        refuse(change, line)
    else:
        spec["environment"][name] = value


def image(row: Deployment, change: Change, line: Field) -> Spec:
    """The live image as the registry of the environment knows it."""
    path, _at, digest = str(line.old).partition("@")
    path = path.removeprefix(f"{row.environment.tcr_domain}/")
    for known in images(row.environment):
        by_tag = f"{known.repository}:{known.tag}" == path
        if by_tag or (digest and (known.repository, known.digest) == (path, digest)):
            return {"repository": known.repository, "tag": known.tag, "digest": known.digest}
    raise RuleViolation(
        _("There is no image %(image)s in the registry of this environment.")
        % {"image": str(line.old)}
    )


def take_arguments(row: Deployment, spec: Spec, change: Change, line: Field) -> None:
    """Arguments as manifests.arguments() writes them, in whatever order they are now."""
    words = list(line.old) if isinstance(line.old, list | tuple) else []
    chosen: list[str] = []
    rest: list[str] = []
    file = ""
    while words:
        word = words.pop(0)
        if word == "--port" and words:
            words.pop(0)
        elif word == "--ckpt" and words:
            file = words.pop(0)
        elif word in flags.BY_NAME and not rest:
            chosen.append(word)
        elif word != "--listen":
            rest.append(word)
    name = file.removeprefix(f"{ROOT}/{CHECKPOINTS}/")
    if name != spec["checkpoint_file"]:
        version = version_of(row, name)
        if version is None:
            refuse(change, line)
        spec["checkpoint"], spec["checkpoint_file"] = version.pk, version.file_on_disk
    refused = flags.not_allowed(rest)
    if refused or flags.clash(chosen):
        raise RuleViolation(
            _("The console would not set these arguments itself: %(args)s")
            % {"args": refused or " ".join(chosen)}
        )
    spec["flags"], spec["extra_args"] = chosen, rest


def version_of(row: Deployment, file_on_disk: str) -> Version | None:
    published = Version.objects.select_related("model").filter(environment_id=row.environment_id)
    return next(
        (one for one in published if one.is_published and one.file_on_disk == file_on_disk), None
    )
