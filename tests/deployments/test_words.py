"""Why a rollout is where it is: every code that the cloud reports has a sentence."""

import pytest

from apps.deployments import words
from cloud import kube_rollout
from cloud.types import PodState, Rollout

POD = "anime-7c9f-x2kqp"


def pod(code="", **overrides):
    params = {"message": "no such tag", "exit_code": "137", "reason": "x", "restarts": "7"}
    values = {"name": POD, "node": "", "phase": "Pending", "ready": not code, "restarts": 0}
    return PodState(**{**values, "code": code, "params": params, **overrides})


def rollout(code, **overrides):
    params = {"done": "1", "total": "3", "updated": "2", "seconds": "1800", "message": "why"}
    values = {"done": 1, "total": 3, "failed": False, "message_code": code, "params": params}
    return Rollout(**{**values, "pods": (), "stall": "", **overrides})


@pytest.mark.parametrize("code", kube_rollout._GRAVITY)
def test_every_stall_names_its_pod_in_a_finished_sentence(code):
    said = str(words.pod_say(pod(code)))
    assert said.startswith(POD) or f" {POD}" in said
    assert said.endswith(".")
    assert "%(" not in said


def test_a_ready_pod_needs_no_words():
    assert not words.pod_say(pod())


def test_no_stall_is_stuck_that_is_not_known():
    assert set(words.STALLS) >= words.STUCK


@pytest.mark.parametrize("code", words.PROGRESS)
def test_every_stage_of_a_rollout_has_a_sentence(code):
    said = str(words.rollout_say(rollout(code)))
    assert said
    assert "%(" not in said


def test_what_holds_a_pod_up_is_said_before_how_far_the_rollout_is():
    stuck = rollout("waiting", pods=(pod("creating"), pod("image-pull")), stall="image-pull")
    assert "cannot pull its image: no such tag" in str(words.rollout_say(stuck))


def test_what_passes_by_itself_does_not_hide_the_progress():
    slow = rollout("waiting", pods=(pod("creating"),), stall="creating")
    assert str(words.rollout_say(slow)) == "1 of 3 replicas ready."
