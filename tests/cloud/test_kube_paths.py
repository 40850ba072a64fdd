"""Places in a manifest: read, written, and who was there last."""

import pytest

from cloud.kube_paths import changed_by, steps, value_at, with_value

LIVE = {
    "metadata": {
        "managedFields": [
            {
                "manager": "sdconsole",
                "operation": "Apply",
                "time": "2026-11-22T09:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
            {
                "manager": "kubectl-edit",
                "operation": "Update",
                "time": "2026-11-22T10:00:00Z",
                "fieldsV1": {
                    "f:spec": {
                        "f:replicas": {},
                        "f:containers": {'k:{"name":"webui"}': {".": {}, "f:args": {}}},
                    }
                },
            },
            {
                "manager": "hpa",
                "operation": "Update",
                "subresource": "scale",
                "time": "2026-11-22T11:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
            {
                "manager": "kube-controller-manager",
                "operation": "Update",
                "subresource": "status",
                "time": "2026-11-22T12:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            },
        ]
    },
    "spec": {
        "replicas": 4,
        "limits": {"tke.cloud.tencent.com/qgpu-core": "50", "cpu": "4"},
        "containers": [{"name": "webui", "args": ["--api"], "env": [{"name": "A", "value": "1"}]}],
    },
}
CORE = 'spec.limits["tke.cloud.tencent.com/qgpu-core"]'
ARGS = "spec.containers[name=webui].args"


def test_a_path_is_cut_into_members_and_items():
    assert steps(CORE) == ["spec", "limits", "tke.cloud.tencent.com/qgpu-core"]
    assert steps("a.ports[containerPort=7860,protocol=UDP].b") == [
        "a",
        "ports",
        {"containerPort": "7860", "protocol": "UDP"},
        "b",
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 4),
        (CORE, "50"),
        (ARGS, ["--api"]),
        ("spec.containers[name=webui].env[A]", {"name": "A", "value": "1"}),
        ("spec.containers[name=other].args", None),
        ("spec.nothing.here", None),
    ],
)
def test_what_stands_there(path, value):
    assert value_at(LIVE, path) == value


@pytest.mark.parametrize(
    "path", ["spec.replicas", CORE, ARGS, "spec.containers[name=webui].env[B]"]
)
def test_what_is_written_is_read_back_and_the_original_stays(path):
    before = value_at(LIVE, path)
    value = {"name": "B", "value": "2"} if path.endswith("[B]") else "new"
    changed = with_value(LIVE, path, value)
    assert value_at(changed, path) == value
    assert value_at(with_value(changed, path, None), path) is None
    assert value_at(LIVE, path) == before


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("spec.replicas", "hpa"),  # the last of several, but never the writer of status
        (ARGS, "kubectl-edit"),
        ("spec.containers[name=webui]", "kubectl-edit"),
        (ARGS + "[0]", "kubectl-edit"),
        ("spec.rep", ""),
        (CORE, ""),
    ],
)
def test_who_wrote_there(path, who):
    assert changed_by(LIVE, path, "sdconsole")[0] == who
