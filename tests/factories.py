"""Rows of every app.  Each function makes a valid one without arguments; name what matters.

What a row stands on is made as well unless it is given: the environment `demo`, adopted, then a
published checkpoint in it, then a deployment that serves it.  Nothing here talks to a cloud.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.accounts.models import ApiToken
from apps.accounts.services import token_create
from apps.audit.models import Event
from apps.audit.services import record
from apps.console.models import Orphan
from apps.core.changes import Change, Field
from apps.core.models import Intent, Plan, PlanItem, Run, RunItem, Step
from apps.core.phases import Phase
from apps.core.words import Say
from apps.deployments.models import Deployment
from apps.deployments.spec import DeploymentSpec, ImageSpec, SliceSpec
from apps.environments.models import Environment, Preparation
from apps.gateway.models import GatewayService, Route, ServiceSource, external_name
from apps.gateway.spec import RouteWish, ServiceWish, SourceWish
from apps.generation.models import Image, Job
from apps.generation.spec import CheckpointSpec, JobSpec
from apps.gpu.models import SliceProfile
from apps.moderation.models import Case, CaseState, Policy
from apps.registry.models import Model, ModelType, Upload, Verdict, Version
from tests.cast import make_person
from tests.environments.factories import (
    BUCKET,
    CLUSTER,
    GATEWAY,
    IMAGE,
    make_adopted,
    make_environment,
)

if TYPE_CHECKING:
    from apps.accounts.models import User

__all__ = ["make_adopted", "make_environment", "make_person"]

_numbers = itertools.count(1)
# The status pen's columns of an object that is as it was asked for.
IN_STEP: dict[str, Any] = {
    "revision": 1,
    "generation": 1,
    "observed_generation": 1,
    "phase": Phase.READY,
    "message": Say("In step.").to_json(),
}


def the_environment() -> Environment:
    """The one called `demo`."""
    return Environment.objects.filter(name="demo").first() or make_adopted()


def somebody() -> User:
    """An operator of a name that nobody has yet."""
    return make_person(f"person-{next(_numbers)}", "operator")


def make_preparation(**overrides: Any) -> Preparation:
    """Of the environment `demo` unless another is given: there is one per environment."""
    environment = overrides.pop("environment", None) or the_environment()
    wish = {"namespace": "sd", "bucket": BUCKET.name, "origins": list(BUCKET.origins)}
    row, _made = Preparation.objects.get_or_create(
        environment=environment, defaults={"spec": wish, **IN_STEP, **overrides}
    )
    return row


# ---- accounts, audit ----------------------------------------------------------------------------


def make_token(**overrides: Any) -> ApiToken:
    user = overrides.pop("user", None) or somebody()
    values = {"name": f"token {next(_numbers)}", **overrides}
    token, _secret = token_create(user=user, **values)
    return token


def make_event(**overrides: Any) -> Event:
    number = next(_numbers)
    values = {
        "actor": overrides.pop("actor", None) or somebody(),
        "verb": "deployment.change",
        "subject_kind": "deployment",
        "subject_id": number,
        "label": f"web-{number}",
    }
    return record(**{**values, **overrides})


# ---- plans and runs -----------------------------------------------------------------------------


def make_change(**overrides: Any) -> Change:
    values: dict[str, Any] = {
        "op": "change",
        "area": "kubernetes",
        "object_kind": "Deployment",
        "name": "anime",
        "call": "PATCH apps/v1 deployments",
        "fields": (Field("Replicas", "spec.replicas", 1, 2),),
    }
    return Change(**{**values, **overrides})


def make_plan(*, objects: int = 1, **overrides: Any) -> Plan:
    """Ready to apply, for so many deployments, each with one change."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "title": Say(f"Change web-{number}").to_json(),
        "scope": the_environment().name,
        "status": "ready",
        "author": overrides.pop("author", None) or somebody(),
        "digest": f"{number:064x}",
        "ready_at": timezone.now(),
    }
    plan = Plan.objects.create(**{**values, **overrides})
    for position in range(objects):
        row = make_deployment()
        changes = [make_change(name=row.name).to_json() | {"key": f"Deployment/{row.name}"}]
        PlanItem.objects.create(
            plan=plan,
            position=position,
            kind="deployment",
            object_id=row.pk,
            label=row.name,
            revision=2,
            generation_seen=row.generation,
            changes=changes,
        )
    return plan


def make_run(*, objects: int = 1, **overrides: Any) -> Run:
    """Under way, with one step done per object."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "title": Say(f"Change web-{number}").to_json(),
        "scope": the_environment().name,
        "person": overrides.pop("person", None) or somebody(),
        "status": "running",
    }
    run = Run.objects.create(**{**values, **overrides})
    for position in range(objects):
        row = make_deployment()
        item = RunItem.objects.create(
            run=run,
            position=position,
            kind="deployment",
            object_id=row.pk,
            label=row.name,
            generation=1,
            status="running",
        )
        now = timezone.now()
        Step.objects.create(
            run=run,
            item=item,
            position=0,
            key=f"Deployment/{row.name}",
            op="change",
            object_kind="Deployment",
            name=row.name,
            call="PATCH apps/v1 deployments",
            status="done",
            attempts=1,
            request_id=f"request-{number}-{position}",
            started_at=now,
            finished_at=now,
        )
    return run


def make_intent(**overrides: Any) -> Intent:
    """A call of which nobody could tell how it ended."""
    number = next(_numbers)
    row = overrides.pop("row", None) or make_deployment()
    values: dict[str, Any] = {
        "kind": "deployment",
        "object_id": row.pk,
        "generation": row.generation,
        "fence": number,
        "key": f"Deployment/{row}",
        "call": "PATCH apps/v1 deployments",
        "state": "unknown",
        "asked_at": timezone.now(),
    }
    return Intent.objects.create(**{**values, **overrides})


def make_orphan(**overrides: Any) -> Orphan:
    number = next(_numbers)
    now = timezone.now()
    values: dict[str, Any] = {
        "environment": overrides.pop("environment", None) or the_environment(),
        "object_kind": "Deployment",
        "name": f"left-{number}",
        "namespace": "sd",
        "uid": f"uid-{number}",
        "found_at": now,
        "seen_at": now,
        **IN_STEP,
    }
    return Orphan.objects.create(**{**values, **overrides})


# ---- models and slices --------------------------------------------------------------------------


def make_model(**overrides: Any) -> Model:
    values = {"name": f"model-{next(_numbers)}", "type": ModelType.CHECKPOINT}
    return Model.objects.create(**{**values, **overrides})


def make_version(**overrides: Any) -> Version:
    """Published, inspected, clean."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "model": overrides.pop("model", None) or make_model(),
        "environment": overrides.pop("environment", None) or the_environment(),
        "number": 1,
        "file_name": f"file-{number}.safetensors",
        "size_bytes": 2_000_000_000,
        "sha256": f"{number:064x}",
        "crc64": str(number),
        "family": "SD 1.5",
        "precision": "fp16",
        "verdict": Verdict.CLEAN,
        "published_at": timezone.now(),
        **IN_STEP,
    }
    version: Version = Version.objects.create(**{**values, **overrides})
    Model.objects.filter(pk=version.model_id).update(last_number=version.number)
    return version


def make_upload(**overrides: Any) -> Upload:
    """Under way: one part of three has arrived."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "environment": overrides.pop("environment", None) or the_environment(),
        "model_name": f"model-{number}",
        "type": ModelType.CHECKPOINT,
        "file_name": f"file-{number}.safetensors",
        "size_bytes": 3 << 20,
        "part_size": 1 << 20,
        "cos_upload_id": f"upload-{number}",
        "parts_done": 1,
        "person": overrides.pop("person", None) or somebody(),
    }
    return Upload.objects.create(**{**values, **overrides})


def make_profile(**overrides: Any) -> SliceProfile:
    values = {"name": f"slice-{next(_numbers)}", "core": 50, "memory_gib": 10}
    return SliceProfile.objects.create(**{**values, **overrides})


# ---- deployments --------------------------------------------------------------------------------


def deployment_spec(version: Version, **overrides: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "image": ImageSpec(repository=IMAGE.repository, tag=IMAGE.tag, digest=IMAGE.digest),
        "checkpoint": version.pk,
        "checkpoint_file": version.file_on_disk,
        "slice": SliceSpec(core=50, memory_gib=10),
    }
    return DeploymentSpec(**{**values, **overrides}).model_dump(mode="json")


def make_deployment(**overrides: Any) -> Deployment:
    """Serving one pod of a published checkpoint."""
    environment = overrides.pop("environment", None) or the_environment()
    version = overrides.pop("checkpoint", None) or make_version(environment=environment)
    values: dict[str, Any] = {
        "environment": environment,
        "name": f"web-{next(_numbers)}",
        "checkpoint": version,
        "spec": deployment_spec(version),
        "done": 1,
        "total": 1,
        **IN_STEP,
    }
    return Deployment.objects.create(**{**values, **overrides})


def make_drifted(**overrides: Any) -> Deployment:
    """Serving, but somebody changed a field in the cluster."""
    row = make_deployment(drift_since=timezone.now(), **overrides)
    row.drift = [make_change(name=row.name).to_json()]
    row.save(update_fields=["drift"])
    return row


# ---- gateway ------------------------------------------------------------------------------------


def make_source(**overrides: Any) -> ServiceSource:
    """The environment's own cluster, bound; the one there is already if there is one."""
    values: dict[str, Any] = {
        "environment": overrides.pop("environment", None) or the_environment(),
        "gateway_id": GATEWAY.id,
        "cluster_id": CLUSTER.id,
    }
    given = {**values, **overrides}
    there = {name: given.pop(name) for name in values}
    wish = SourceWish(name=CLUSTER.name).model_dump(mode="json")
    row, _made = ServiceSource.objects.get_or_create(
        **there, defaults={"spec": wish, **IN_STEP, **given}
    )
    return row


def make_gateway_service(**overrides: Any) -> GatewayService:
    """Leads to a deployment of its own, round robin."""
    number = next(_numbers)
    deployment = overrides.pop("deployment", None) or make_deployment()
    environment = deployment.environment
    wish = ServiceWish(namespace="sd", kube_service=deployment.service_name, port=7860)
    name = overrides.get("name", f"service-{number}")
    values: dict[str, Any] = {
        "environment": environment,
        "source": overrides.pop("source", None) or make_source(environment=environment),
        "deployment": deployment,
        "gateway_id": GATEWAY.id,
        "name": name,
        "external_name": external_name(environment, name),
        "external_id": f"service-id-{number}",
        "spec": wish.model_dump(mode="json"),
        **IN_STEP,
    }
    return GatewayService.objects.create(**{**values, **overrides})


def make_route(**overrides: Any) -> Route:
    """Every request below a path of its own, without a limit."""
    number = next(_numbers)
    service = overrides.pop("service", None) or make_gateway_service()
    name = overrides.get("name", f"route-{number}")
    values: dict[str, Any] = {
        "environment": service.environment,
        "service": service,
        "gateway_id": service.gateway_id,
        "name": name,
        "external_name": external_name(service.environment, name),
        "external_id": f"route-id-{number}",
        "spec": RouteWish(paths=(f"/{name}",)).model_dump(mode="json"),
        **IN_STEP,
    }
    return Route.objects.create(**{**values, **overrides})


# ---- pictures and their moderation --------------------------------------------------------------


def make_job(**overrides: Any) -> Job:
    """One picture asked for and drawn; the picture itself is make_image's."""
    deployment = overrides.pop("deployment", None) or make_deployment()
    version = deployment.checkpoint
    asked: dict[str, Any] = {
        "prompt": "a lighthouse in the fog",
        "negative_prompt": "",
        "steps": 20,
        "cfg_scale": 7,
        "width": 512,
        "height": 512,
        "sampler": "Euler a",
        "seed": 1,
        "count": 1,
    }
    asked |= {name: overrides.pop(name) for name in list(overrides) if name in asked}
    checkpoint = CheckpointSpec(version=version.pk, name=version.file_on_disk.rpartition(".")[0])
    values: dict[str, Any] = {
        "environment": deployment.environment,
        "deployment": deployment,
        "deployment_name": deployment.name,
        "version": version,
        "person": overrides.pop("person", None) or somebody(),
        **asked,
        "spec": JobSpec(**asked, folder="images/2026/11/22/", checkpoint=checkpoint).model_dump(
            mode="json"
        ),
        "done": asked["count"],
        "total": asked["count"],
        **IN_STEP,
    }
    return Job.objects.create(**{**values, **overrides})


def make_image(**overrides: Any) -> Image:
    """Passed by moderation."""
    job = overrides.pop("job", None) or make_job()
    number = overrides.get("number", 1)
    values: dict[str, Any] = {
        "job": job,
        "number": number,
        "key": f"images/2026/11/22/{job.pk}-{number}.png",
        "etag": f"{job.pk:032x}",
        "seed": job.seed + number - 1,
        "width": job.width,
        "height": job.height,
        "size_bytes": 400_000,
        "hidden": False,
    }
    return Image.objects.create(**{**values, **overrides})


def make_policy(**overrides: Any) -> Policy:
    """The environment's own; the one there is already unless a number is named."""
    environment = overrides.pop("environment", None) or the_environment()
    number = overrides.pop("number", 1)
    policy, _made = Policy.objects.get_or_create(
        environment=environment, prefix="images/", number=number, defaults=overrides
    )
    return policy


def make_case(**overrides: Any) -> Case:
    """Flagged: it waits for a reviewer, and the object is private."""
    image = overrides.pop("image", None) or make_image(hidden=True)
    environment = image.job.environment
    values: dict[str, Any] = {
        "environment": environment,
        "image": image,
        "policy": overrides.pop("policy", None) or make_policy(environment=environment),
        "author": image.job.person,
        "bucket": BUCKET.name,
        "key": image.key,
        "etag": image.etag,
        "state": CaseState.FLAGGED,
        "score": 75,
        "label": "Porn",
        "submit_due_at": None,
        "spec": {"visibility": "private", "not_before": ""},
        **IN_STEP,
    }
    return Case.objects.create(**{**values, **overrides})
