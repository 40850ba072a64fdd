"""From Kubernetes manifests to facts."""

import pytest

from apps.environments import manifests
from apps.environments.facts import NodeFacts, PodFacts
from apps.environments.selectors import lay_out

NODE = {
    "metadata": {
        "name": "10.0.0.11",
        "labels": {
            "node.kubernetes.io/instance-type": "PNV4.14XLARGE232",
            "tke.cloud.tencent.com/qgpu-schedule-policy": "fs",
        },
    },
    "spec": {},
    "status": {
        "allocatable": {
            "cpu": "55600m",
            "memory": "232Gi",
            "tke.cloud.tencent.com/qgpu-core": "200",
            "tke.cloud.tencent.com/qgpu-memory": "44",
        },
        "addresses": [{"type": "InternalIP", "address": "10.0.0.11"}],
        "conditions": [
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": "True"},
        ],
    },
}


def pod(**changes):
    return {
        "metadata": {
            "name": "anime-1",
            "namespace": "sd",
            "annotations": {"tke.cloud.tencent.com/gpu-index": "1"},
            "labels": {"app.kubernetes.io/instance": "anime"},
        },
        "spec": {
            "nodeName": "10.0.0.11",
            "containers": [
                {
                    "name": "webui",
                    "image": "reg/webui:1",
                    "resources": {
                        "limits": {
                            "tke.cloud.tencent.com/qgpu-core": "50",
                            "tke.cloud.tencent.com/qgpu-memory": "10",
                        }
                    },
                }
            ],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        **changes,
    }


def test_a_node_is_read_from_what_it_offers():
    node = manifests.node_facts(NODE)
    assert (node.gpu_type, node.cards, node.core_per_node, node.memory_gib_per_node) == (
        "A10",
        2,
        200,
        44,
    )
    assert (node.card_gib, node.schedule_policy, node.cpu_cores) == (22, "fixed-share", 55.6)
    assert node.ready
    assert node.problem == ""


def test_a_node_under_pressure_says_so():
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "DiskPressure", "status": "True", "message": "disk is full"},
    ]
    node = manifests.node_facts({**NODE, "status": {**NODE["status"], "conditions": conditions}})
    assert node.ready
    assert node.problem == "disk is full"


def test_a_node_without_conditions_is_not_ready():
    node = manifests.node_facts({"metadata": {"name": "n"}, "spec": {}, "status": {}})
    assert not node.ready
    assert node.gpu_type == ""


def test_a_pod_is_read_with_its_slice_and_card():
    found = manifests.pod_facts(pod())
    assert (found.core, found.memory_gib, found.card, found.instance) == (50, 10, 1, "anime")
    assert found.ready


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
                ],
            },
            "Unschedulable",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            "ImagePullBackOff",
        ),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}],
            },
            "",
        ),
    ],
)
def test_what_holds_a_pod_up_is_named(status, reason):
    assert manifests.pod_facts(pod(status=status)).reason == reason


@pytest.mark.parametrize(
    ("annotations", "card"),
    [
        ({}, None),
        ({"tke.cloud.tencent.com/gpu-index": "0,1"}, 0),
        ({"tke.cloud.tencent.com/gpu-index": "1;2"}, 1),
        ({"tke.cloud.tencent.com/gpu-index": "x"}, None),
        ({"elasticgpu.io/container-webui": "3"}, 3),
    ],
)
def test_the_card_is_read_from_the_annotation(annotations, card):
    assert manifests.card_of(annotations) == card


@pytest.mark.parametrize(
    ("words", "bytes_"), [("1Gi", 1 << 30), ("512Mi", 1 << 29), ("1000", 1000), ("", 0), ("x", 0)]
)
def test_quantities(words, bytes_):
    assert manifests.bytes_of(words) == bytes_


def test_cards_are_laid_out_with_what_lies_on_them():
    node = NodeFacts("n1", True, gpu_type="A10", cards=2, core_per_node=200, memory_gib_per_node=44)
    pods = [
        PodFacts("a", "sd", "Running", True, node="n1", card=0, core=50, memory_gib=10),
        PodFacts("b", "sd", "Running", True, node="n1", card=0, core=50, memory_gib=10),
        PodFacts("c", "sd", "Running", True, node="n1", card=1, core=100),
        PodFacts("lost", "sd", "Running", True, node="n1", core=20, memory_gib=4),
        PodFacts("over", "sd", "Succeeded", False, node="n1", card=1, core=50, memory_gib=10),
    ]
    first, second, unknown = lay_out([node], pods)
    assert (first.core_used, first.memory_used_gib, first.memory_free_gib) == (100, 20, 2)
    assert (second.core_used, second.memory_used_gib) == (100, 22)
    assert (unknown.index, [pod.name for pod in unknown.pods]) == (None, ["lost"])
