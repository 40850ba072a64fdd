"""A deployment as text, and back.  Versions are named, secrets are not written."""

from typing import Any

from django.utils.translation import gettext as _
from pydantic import Field, create_model

from apps.core.as_code import KEPT, Target
from apps.core.errors import RuleViolation
from apps.core.secrecy import SENSITIVE_KEY
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec, ImageSpec, Part
from apps.environments.models import Environment
from apps.environments.selectors import images
from apps.registry.models import Version


class ImageText(Part):
    """Without a digest it is pinned by what the tag means now."""

    repository: str = Field(max_length=255)
    tag: str = Field(max_length=128)
    digest: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")


_SAME: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in DeploymentSpec.model_fields.items()
    if name not in ("image", "checkpoint", "checkpoint_file")
}
# As DeploymentSpec, but `checkpoint` is "<model>/<version number>".
DeploymentText: Any = create_model(
    "DeploymentText", __base__=Part, image=(ImageText, ...), checkpoint=(str, ...), **_SAME
)


def to_yaml(row: Deployment) -> dict[str, Any]:
    """The accepted wish."""
    spec = DeploymentSpec.model_validate(row.spec).model_dump(mode="json")
    version = Version.objects.select_related("model").get(pk=spec["checkpoint"])
    del spec["checkpoint_file"]
    spec["checkpoint"] = f"{version.model.name}/{version.number}"
    spec["environment"] = {
        name: KEPT if value and SENSITIVE_KEY.search(name) else value
        for name, value in spec["environment"].items()
    }
    return spec


def from_yaml(
    environment: Environment, name: str, text: Any, *, public_confirmed: bool
) -> list[Target]:
    """The row, drafted if it is new, with the wish of `text` (a DeploymentText).

    Raises RuleViolation."""
    row = Deployment.objects.filter(environment=environment, name=name).first()
    wish = text.model_dump(mode="json")
    wish["checkpoint"] = checkpoint(environment, text.checkpoint)
    wish["environment"] = with_kept(row, wish["environment"])
    if row is not None and same(row, wish):
        return [Target(row, row.spec)]
    image = wish["image"]
    pinned = pin(environment, image) if image["digest"] and not accepted(row, image) else None
    if row is not None:
        services.refuse_deleting(row)
    # A digest is only taken from a revision of ours; another one is looked up first.
    wish["image"] = image if accepted(row, image) else {**image, "digest": ""}
    spec = services.complete(environment, wish, row)
    if pinned:
        spec = spec.model_copy(update={"image": pinned})
    services.check_public(spec, row, public_confirmed)
    if row is None:
        row = Deployment(environment=environment, name=name, checkpoint_id=spec.checkpoint)
        services.check_name(row)
        row.save()
    return [Target(row, spec.model_dump(mode="json"))]


def same(row: Deployment, wish: dict[str, Any]) -> bool:
    """True if the accepted wish already says this; rules that tightened meanwhile do not count."""
    if not row.spec or row.deleting:
        return False
    stored = DeploymentSpec.model_validate(row.spec).model_dump(mode="json")
    image = dict(wish["image"])
    if not image["digest"]:
        image["digest"] = stored["image"]["digest"]
    asked = {**wish, "image": image, "checkpoint_file": stored["checkpoint_file"]}
    return bool(asked == stored)


def accepted(row: Deployment | None, image: dict[str, Any]) -> bool:
    return bool(row and row.spec and row.spec["image"] == image)


def pin(environment: Environment, image: dict[str, Any]) -> ImageSpec:
    """The digest as written, if the registry has an image of that digest or tag."""
    for known in images(environment):
        if known.repository == image["repository"] and (
            known.digest == image["digest"] or known.tag == image["tag"]
        ):
            return ImageSpec(**image)
    raise RuleViolation(
        _("There is no image %(image)s in the registry of this environment.")
        % {"image": f"{image['repository']}:{image['tag']}"},
        field="image",
    )


def checkpoint(environment: Environment, written: str) -> int:
    model, _slash, number = written.rpartition("/")
    found = Version.objects.filter(environment=environment, model__name=model)
    version = found.filter(number=int(number)).first() if number.isdecimal() else None
    if version is None:
        raise RuleViolation(
            _("There is no version %(version)s in this environment; write <model>/<number>.")
            % {"version": written},
            field="checkpoint",
        )
    return int(version.pk)


def with_kept(row: Deployment | None, variables: dict[str, str]) -> dict[str, str]:
    """Variables with what the console holds put in for KEPT."""
    known = row.spec.get("environment", {}) if row else {}
    missing = [name for name, value in variables.items() if value == KEPT and name not in known]
    if missing:
        raise RuleViolation(
            _("The console holds no value of %(name)s; write it into the file.")
            % {"name": missing[0]},
            field="environment",
        )
    return {name: known[name] if value == KEPT else value for name, value in variables.items()}
