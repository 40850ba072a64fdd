"""Specs, places and deployments, each valid with no arguments."""

from typing import Any

from apps.core import plans
from apps.core.models import Plan
from apps.core.phases import Phase
from apps.deployments import services
from apps.deployments.manifests import Place
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec
from apps.environments.models import Environment
from apps.registry.models import Model, ModelType, Version
from tests.environments.factories import IMAGE

PLACE = Place("sd", "sd-demo.tencentcloudcr.com", "10.0.0.112", "demofsid")
DIGEST = IMAGE.digest


def make_spec(**overrides: Any) -> DeploymentSpec:
    values: dict[str, Any] = {
        "image": {"repository": IMAGE.repository, "tag": IMAGE.tag, "digest": DIGEST},
        "checkpoint": 1,
        "checkpoint_file": "sd15-v1.safetensors",
        "slice": {"core": 50, "memory_gib": 10},
    }
    return DeploymentSpec.model_validate({**values, **overrides})


def make_version(environment: Environment, **overrides: Any) -> Version:
    """A published checkpoint."""
    name = overrides.pop("name", "sd15")
    kind = overrides.pop("type", ModelType.CHECKPOINT)
    model, _made = Model.objects.get_or_create(name=name, defaults={"type": kind})
    values = {
        "model": model,
        "environment": environment,
        "number": 1,
        "file_name": "sd15.safetensors",
        "size_bytes": 2_000_000_000,
        "family": "SD 1.5",
        "phase": Phase.READY,
    }
    return Version.objects.create(**{**values, **overrides})


def make_wish(version: Version, **overrides: Any) -> dict[str, Any]:
    """What a form or the API hands to the services."""
    values: dict[str, Any] = {
        "image": {"repository": IMAGE.repository, "tag": IMAGE.tag},
        "checkpoint": version.pk,
        "slice": {"core": 25, "memory_gib": 5},
        "replicas": 1,
    }
    return {**values, **overrides}


def make_deployment(environment: Environment, version: Version, **overrides: Any) -> Deployment:
    """One that was accepted and runs; nothing of it is in any cluster."""
    spec = make_spec(
        checkpoint=version.pk,
        checkpoint_file=version.file_on_disk,
        **overrides.pop("spec", {"slice": {"core": 25, "memory_gib": 5}}),
    )
    values = {
        "environment": environment,
        "name": "anime",
        "checkpoint": version,
        "spec": spec.model_dump(mode="json"),
        "revision": 1,
        "generation": 1,
        "observed_generation": 1,
        "phase": Phase.READY,
        "done": 1,
        "total": 1,
    }
    return Deployment.objects.create(**{**values, **overrides})


def accept(plan: Plan) -> None:
    """Make the plan and apply it as its author, without a look at the world in between."""
    plans.plan_compute(plan.pk)
    plan.refresh_from_db()
    assert plan.status == "ready", str(plan.error_say)
    plans.plan_apply(plan, plan.author)


def created(person: Any, place: Environment, version: Version, **overrides: Any) -> Plan:
    """The plan of a new deployment; `overrides` are members of the wish, and its name."""
    name = overrides.pop("name", "anime")
    return services.deployment_create(
        person=person, environment=place, name=name, wish=make_wish(version, **overrides)
    )
