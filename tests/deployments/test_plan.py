"""What has to be done to a workload's objects: (want, have) -> actions, no database."""

import copy

import pytest

from apps.core.changes import MASK
from apps.deployments import manifests
from apps.deployments.plan import Have, Want, key_of, plan
from cloud.types import FieldDiff
from tests.deployments.factories import PLACE, make_spec

IMAGE_PATH = "spec.template.spec.containers[webui].image"
DEPLOYMENT = ("Deployment", "anime")
CLAIM = ("PersistentVolumeClaim", "anime-stable-diffusion")
VOLUME = ("PersistentVolume", "sdc-sd-7-anime-stable-diffusion")
SERVICE = ("Service", "anime")


def want(**overrides):
    spec = make_spec(**{"folders": (), "replicas": 3, **overrides})
    return Want(manifests.objects(7, "anime", spec, PLACE))


def live(wanted, without=(), deleting=()):
    found = {}
    for manifest in copy.deepcopy(wanted.objects):
        key = key_of(manifest)
        manifest["metadata"]["uid"] = f"uid-{key[0]}"
        if key in deleting:
            manifest["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
        if key not in without:
            found[key] = manifest
    return found


def have(wanted, **overrides):
    details = {name: overrides.pop(name) for name in ("without", "deleting") if name in overrides}
    return Have(live=live(wanted, **details), **overrides)


def changed(path, want, live):
    return {DEPLOYMENT: (FieldDiff(path, want, live),)}


WANTED = want()
FULL = [f"{kind}/{name}" for kind, name in (VOLUME, CLAIM, DEPLOYMENT, SERVICE)]
GONE = [f"delete/{kind}/{name}" for kind, name in (SERVICE, DEPLOYMENT, CLAIM, VOLUME)]
LETTING_GO = [f"delete/{kind}/{name}" for kind, name in (DEPLOYMENT, CLAIM, VOLUME)]
CASES = {
    "nothing there: everything is made, what others stand on first": (WANTED, None, FULL),
    "in step: nothing": (WANTED, have(WANTED), []),
    "one object missing: that one": (WANTED, have(WANTED, without=[SERVICE]), FULL[3:]),
    "a difference: that object": (
        WANTED,
        have(WANTED, differs=changed(IMAGE_PATH, "b", "a")),
        [FULL[2]],
    ),
    "the dry run found no difference after all: nothing": (
        WANTED,
        have(WANTED, differs={DEPLOYMENT: ()}),
        [],
    ),
    "a folder less: its claim and volume go, users first": (
        WANTED,
        have(want(folders=("models/Lora",))),
        ["delete/PersistentVolumeClaim/anime-lora", "delete/PersistentVolume/sdc-sd-7-anime-lora"],
    ),
    "deleting: traffic, pods, claims, volumes": (None, have(WANTED), GONE),
    "deleting, some gone": (None, have(WANTED, without=[SERVICE, DEPLOYMENT]), GONE[2:]),
    "deletion under way: nothing is sent again": (
        None,
        have(WANTED, without=[SERVICE], deleting=[DEPLOYMENT, CLAIM]),
        GONE[3:],
    ),
    "nothing there and nothing wanted": (None, None, []),
    "a volume that can never change: its users let go first, nothing is made meanwhile": (
        WANTED,
        have(WANTED, replaced=frozenset([VOLUME])),
        LETTING_GO,
    ),
    "replacing, under way: nothing is sent again, nothing is made too early": (
        WANTED,
        have(
            WANTED,
            without=[DEPLOYMENT],
            deleting=[CLAIM, VOLUME],
            replaced=frozenset([VOLUME]),
        ),
        [],
    ),
    "the old volume is gone: all is made again": (
        WANTED,
        have(WANTED, without=[DEPLOYMENT, CLAIM, VOLUME]),
        FULL[:3],
    ),
}


@pytest.mark.parametrize(("wanted", "found", "keys"), CASES.values(), ids=CASES)
def test_what_is_done(wanted, found, keys):
    assert [action.key for action in plan(wanted, found)] == keys


def alteration(path, want, live, **overrides):
    (action,) = plan(WANTED, have(WANTED, differs=changed(path, want, live), **overrides))
    return action.change


@pytest.mark.parametrize(
    ("path", "restarts"),
    [
        (IMAGE_PATH, 3),
        ("spec.template.metadata.annotations.sdconsole.io/image-tag", 3),
        ("spec.replicas", 0),
        ("spec.progressDeadlineSeconds", 0),
    ],
)
def test_only_what_is_in_the_template_restarts_pods(path, restarts):
    change = alteration(path, "b", "a")
    assert (change.op, change.restarts, change.destructive) == ("change", restarts, False)


def test_a_line_shows_old_and_new_in_words_with_the_apis_path():
    (line,) = alteration(IMAGE_PATH, "new", "old").fields
    assert (line.label, line.path, line.old, line.new) == ("Image", IMAGE_PATH, "old", "new")


def test_who_holds_what_we_take_over_is_named():
    change = alteration("spec.replicas", 3, 5, holders={DEPLOYMENT: ("kubectl",)})
    assert [str(note) for note in change.notes] == ["kubectl holds a field that this takes over."]


def test_requests_repeat_limits_and_tell_nobody_anything():
    path = "spec.template.spec.containers[webui].resources.requests.cpu"
    assert alteration(path, "4", "2").fields == ()


@pytest.mark.parametrize(("name", "secret"), [("HF_TOKEN", True), ("HF_HOME", False)])
def test_a_variable_named_like_a_password_never_reaches_the_plan(name, secret):
    path = f"spec.template.spec.containers[webui].env[{name}].value"
    (line,) = alteration(path, "new-value", "old-value").to_json()["fields"]
    assert line["secret"] is secret
    assert line["old"] == (MASK if secret else "old-value")
    assert ("new-value" in line["new"]) is not secret


def test_variables_are_told_one_by_one_when_there_were_none():
    path = "spec.template.spec.containers[webui].env"
    value = [{"name": "HF_TOKEN", "value": "s3cret"}, {"name": "HF_HOME", "value": "/tmp"}]
    change = alteration(path, value, None)
    assert [line.path for line in change.fields] == [f"{path}[HF_HOME]", f"{path}[HF_TOKEN]"]
    assert "s3cret" not in str(change.to_json())


def test_secrets_of_a_new_deployment_are_masked_too():
    wanted = want(environment={"DB_PASSWORD": "s3cret", "LANG": "C"})
    told = str([action.change.to_json() for action in plan(wanted, None)])
    assert "s3cret" not in told
    assert "LANG" in told


def test_a_new_deployment_tells_what_matters_of_it():
    lines = {
        line.label: line.new
        for action in plan(WANTED, None)
        for line in action.change.fields
        if action.change.object_kind == "Deployment"
    }
    assert lines["Replicas"] == 3
    assert lines["GPU compute, % of a card"] == "50"
    assert lines["Image"].startswith("sd-demo.tencentcloudcr.com/")


def test_a_public_balancer_says_what_it_opens():
    notes = [
        str(note)
        for action in plan(want(service={"type": "Public"}), None)
        for note in action.change.notes
    ]
    assert notes == ["Buys a public load balancer: anybody on the internet can reach it."]


def test_deleting_names_what_is_lost_and_that_files_stay():
    changes = {action.change.object_kind: action.change for action in plan(None, have(WANTED))}
    assert {kind for kind, change in changes.items() if change.destructive} == {
        "Service",
        "Deployment",
    }
    assert "files on CFS stay" in str(changes["PersistentVolume"].notes[0])


def test_replacing_a_volume_says_that_all_pods_stop():
    actions = plan(WANTED, have(WANTED, replaced=frozenset([VOLUME])))
    change = actions[0].change
    assert (change.op, change.object_kind, change.restarts) == ("replace", "Deployment", 3)
    assert change.destructive


def test_a_deletion_names_the_very_object_by_uid():
    actions = plan(None, have(WANTED))
    assert [action.manifest["metadata"]["uid"] for action in actions] == [
        "uid-Service",
        "uid-Deployment",
        "uid-PersistentVolumeClaim",
        "uid-PersistentVolume",
    ]
