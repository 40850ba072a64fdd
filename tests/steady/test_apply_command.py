"""`manage.py apply` against a real region: the same plan as the pages, and what it leaves there."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.core.models import Plan, PlanStatus, Revision
from apps.core.phases import Phase
from apps.deployments.models import Deployment
from apps.environments import selectors as environments
from tests.deployments.factories import make_version
from tests.stack import settle

pytestmark = pytest.mark.django_db


def run(*words, **options):
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(stacked, kube, tmp_path):
    """A file that asks for a deployment scaled to zero, which needs no card and no model."""
    make_version(stacked)
    image = environments.images(stacked)[0]
    path = tmp_path / "web.yaml"
    path.write_text(
        "kind: deployment\nenvironment: demo\nname: as-code\nspec:\n"
        f"  image: {{repository: {image.repository}, tag: {image.tag!r}}}\n"
        "  checkpoint: sd15/1\n  slice: {core: 25, memory_gib: 5}\n  replicas: 0\n"
    )
    return path


def test_a_dry_run_shows_every_call_and_changes_nothing(file, stacked, kube):
    told = run("apply", file=str(file), dry_run=True)
    assert "+ Deployment as-code  (PATCH apps/v1 deployments)" in told
    assert "+ spec.replicas: 0" in told
    assert "Nothing was changed." in told
    assert not Deployment.objects.exists()
    assert not Plan.objects.exists()
    assert not Revision.objects.exists()
    assert kube.get("apps/v1", "deployments", "as-code", stacked.namespace) is None


def test_without_yes_the_plan_waits_and_with_it_the_world_follows(file, stacked, kube, olga):
    told = run("apply", file=str(file), person="olga")
    plan = Plan.objects.get()
    assert plan.status == PlanStatus.READY
    assert f"{plan} waits" in told
    told = run("apply", file=str(file), person="olga", yes=True, reason="first")
    assert "was accepted" in told
    from apps.core import plans

    plans.plan_start(Plan.objects.latest("pk").pk)
    row = Deployment.objects.get()
    settle(row)
    assert (row.phase, row.spec["replicas"]) == (Phase.READY, 0)
    live = kube.get("apps/v1", "deployments", "as-code", stacked.namespace)
    assert live["spec"]["replicas"] == 0
    revisions = Revision.objects.count()
    file.write_text(run("export", environment=["demo"]))
    assert run("apply", file=str(file), person="olga", yes=True) == "Nothing to do.\n"
    assert Revision.objects.count() == revisions


def test_a_mistake_names_file_line_and_path(file, olga):
    file.write_text(file.read_text() + "  replica: 2\n")
    with pytest.raises(CommandError) as refusal:
        run("apply", file=str(file), person="olga", yes=True)
    assert f"{file}:9: spec.replica: deployment as-code: unknown field" in str(refusal.value)
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("person", [None, "nobody"])
def test_somebody_has_to_propose_it(file, person):
    with pytest.raises(CommandError):
        run("apply", file=str(file), person=person)
