"""Desired state as YAML: out, and back in without a difference."""

from io import StringIO

import pytest
import yaml
from django.core.management import CommandError, call_command

from apps.audit.models import Event
from apps.console import as_code_services
from apps.console.as_code import export
from apps.console.yaml_reading import Unreadable
from apps.core import plans
from apps.core.models import Plan, PlanStatus, Revision
from apps.deployments.models import Deployment
from apps.environments.models import Environment, Finding
from apps.gateway.models import GatewayService, Route, ServiceSource
from tests.deployments.factories import make_deployment, make_version
from tests.environments.factories import IMAGE, make_adopted

pytestmark = pytest.mark.django_db
SECRET = "hunter2hunter2"


@pytest.fixture
def published(place):
    """A deployment with a secret variable, behind the gateway by a limited route."""
    web = make_deployment(
        place,
        make_version(place),
        name="web",
        spec={
            "slice": {"core": 25, "memory_gib": 5},
            "environment": {"COLOUR": "red", "HF_TOKEN": SECRET},
            "image": {"repository": IMAGE.repository, "tag": IMAGE.tag, "digest": IMAGE.digest},
        },
    )
    made = {"environment": place, "gateway_id": place.gateway_id, "revision": 1, "generation": 1}
    source = ServiceSource.objects.create(
        **made, cluster_id=place.cluster_id, spec={"name": "sdc-demo"}
    )
    service = GatewayService.objects.create(
        **made,
        source=source,
        deployment=web,
        name="web",
        external_name="sdc-demo-web",
        spec={"namespace": "sd", "kube_service": "web", "port": 7860, "hash_on": "ip"},
    )
    limit = {"thresholds": [{"unit": "second", "max": 5}]}
    Route.objects.create(
        **made,
        service=service,
        name="web",
        external_name="sdc-demo-web",
        spec={"hosts": ["web.example.com"], "limit": limit},
    )
    return web


def applied(text, person):
    """Apply and accept, as if a worker had seen that the world allows it."""
    found = as_code_services.apply(person=person, text=text)
    for _asked, plan in found:
        Plan.objects.filter(pk=plan.pk).update(status=PlanStatus.READY)
        plan.refresh_from_db()
        plans.plan_apply(plan, person)
    return [plan for _asked, plan in found]


def wrong(text):
    with pytest.raises(Unreadable) as refusal:
        as_code_services.preview(text)
    return [str(problem) for problem in refusal.value.problems]


def deployment(**spec):
    values = {
        "image": {"repository": IMAGE.repository, "tag": IMAGE.tag},
        "checkpoint": "sd15/1",
        "slice": {"core": 25, "memory_gib": 5},
        **spec,
    }
    return yaml.safe_dump(
        {"kind": "deployment", "environment": "demo", "name": "web", "spec": values},
        sort_keys=False,
    )


# ---- out ----------------------------------------------------------------------------------------


def test_an_export_names_things_and_holds_no_secret_and_no_id(published):
    text = export()
    documents = list(yaml.safe_load_all(text))
    assert [one["kind"] for one in documents] == [
        "environment",
        "deployment",
        "gateway-service",
        "gateway-route",
    ]
    spec = documents[1]["spec"]
    assert spec["checkpoint"] == "sd15/1"
    assert spec["image"]["digest"] == IMAGE.digest
    assert spec["environment"] == {"COLOUR": "red", "HF_TOKEN": "(kept)"}
    assert SECRET not in text
    assert Environment.objects.get().secret_key not in text
    assert documents[2]["spec"]["deployment"] == "web"
    assert documents[3]["spec"]["limit"]["thresholds"] == [{"unit": "second", "max": 5}]


def test_only_the_environment_asked_for_is_written(published):
    make_adopted(name="other")
    out = StringIO()
    call_command("export", environment=["other"], stdout=out)
    assert [one["name"] for one in yaml.safe_load_all(out.getvalue())] == ["other"]
    with pytest.raises(CommandError):
        call_command("export", environment=["nowhere"])


# ---- and back -----------------------------------------------------------------------------------


def test_an_unchanged_export_is_nothing_to_do_and_makes_no_revision(published, root):
    out = StringIO()
    assert as_code_services.apply(person=root, text=export()) == []
    assert as_code_services.preview(export()) == []
    assert not Revision.objects.exists()
    assert not Plan.objects.exists()
    assert not Event.objects.exists()
    assert out.getvalue() == ""


def test_what_runs_may_stay_though_it_could_not_be_made_anew(published, root):
    Finding.objects.all().delete()  # no card has room any more, no image is in the registry
    assert as_code_services.apply(person=root, text=export()) == []


def test_what_was_wiped_comes_back_as_it_was(published, root):
    before = export()
    for model in (Route, GatewayService, ServiceSource, Deployment):
        model.objects.all().delete()
    (plan,) = applied(before.replace("(kept)", SECRET), root)
    kinds = list(plan.items.values_list("kind", flat=True))
    assert kinds == ["deployment", "gateway-source", "gateway-service", "gateway-route"]
    assert export() == before
    assert Deployment.objects.get().spec["environment"]["HF_TOKEN"] == SECRET


def test_a_changed_value_is_one_revision_of_one_object(published, root):
    (plan,) = applied(export().replace("replicas: 1", "replicas: 2"), root)
    assert [item.label for item in plan.items.all()] == ["web"]
    web = Deployment.objects.get()
    assert (web.spec["replicas"], web.spec["environment"]["HF_TOKEN"]) == (2, SECRET)
    assert Event.objects.get(verb="deployment.apply").actor == root


def test_settings_of_an_environment_are_asked_for_by_whoever_may(published, root, olga):
    text = export().replace("policy: confirm", "policy: four-eyes")
    ((asked, plan),) = as_code_services.apply(person=root, text=text)
    assert (asked.settings, plan) == ({"policy": "four-eyes"}, None)
    as_code_services.settings_apply(person=root, asked=asked)
    assert Environment.objects.get().policy == "four-eyes"


# ---- what is wrong with it ----------------------------------------------------------------------


def test_an_unknown_field_is_refused_with_its_line_and_path(published):
    text = deployment(replica=3)
    line = text.splitlines().index("  replica: 3") + 1
    assert wrong(text) == [
        f"{line}: spec.replica: deployment web: unknown field; did you mean replicas?"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [", "1: not YAML"),
        ("- a", "1: An object is a mapping"),
        ("kind: deployment\nname: web\nspec: {}\nextra: 1", "4: extra: unknown field"),
        ("kind: ship\nname: web\nspec: {}", "1: kind: ship web: not one of"),
        (
            "kind: environment\nname: nowhere\nspec: {}",
            "2: name: environment nowhere: there is no environment",
        ),
        (
            "kind: environment\nname: demo\nspec:\n  policy: auto\n  policy: confirm",
            "5: spec.policy: written twice",
        ),
        (
            "kind: environment\nname: demo\nspec: {}\n---\nkind: environment\nname: demo\nspec: {}",
            "5: environment demo: written twice, first at line 1",
        ),
        (deployment(image={"repository": "sd/webui", "tag": 1.10}), "spec.image.tag"),
        (deployment(checkpoint="sd15/99"), "There is no version sd15/99"),
        (deployment(flags=["--api", "--nonsense"]), "does not know the flag --nonsense"),
        (deployment(replicas=65), "spec.replicas"),
        (deployment(environment={"HF_TOKEN": "(kept)"}), "holds no value of HF_TOKEN"),
        (deployment(service={"type": "Public"}), "has to be confirmed"),
    ],
)
def test_a_mistake_is_pointed_at(place, text, said):
    make_version(place)
    assert any(said in problem for problem in wrong(text)), wrong(text)


def test_one_mistake_and_nothing_of_the_file_is_used(published, root):
    good = export().replace("replicas: 1", "replicas: 2")
    bad = good.replace("timeout_ms: 600000", "timeout_ms: 1")
    with pytest.raises(Unreadable):
        as_code_services.apply(person=root, text=bad)
    assert not Plan.objects.exists()
    assert not Revision.objects.exists()


def test_all_mistakes_are_told_at_once(published):
    problems = wrong(deployment(replica=3, cpu="many"))
    assert len(problems) == 2


def test_aliases_that_multiply_are_refused(place):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    text = "kind: environment\nname: demo\nspec:\n" + "\n".join(f"  {line}" for line in lines)
    assert "too much" in wrong(text)[0]


def test_who_may_not_plan_deployments_applies_none(published, vic):
    from apps.core.access import Refused

    with pytest.raises(Refused):
        as_code_services.apply(person=vic, text=export().replace("replicas: 1", "replicas: 2"))
    assert not Plan.objects.exists()
