"""A wish as Kubernetes objects: the traps that cost money, downtime, or an empty pod."""

import pytest

from apps.deployments import manifests
from apps.deployments.manifests import OWNER_LABEL, QGPU_CORE, QGPU_MEMORY
from apps.registry.models import FOLDERS
from tests.deployments.factories import DIGEST, PLACE, make_spec


def objects(**overrides):
    return manifests.objects(7, "anime", make_spec(**overrides), PLACE)


def one(kind, **overrides):
    return next(found for found in objects(**overrides) if found["kind"] == kind)


def container(**overrides):
    return one("Deployment", **overrides)["spec"]["template"]["spec"]["containers"][0]


def test_what_others_stand_on_comes_first():
    kinds = [found["kind"] for found in objects(folders=("models/Lora",))]
    pair = ["PersistentVolume", "PersistentVolumeClaim"]
    assert kinds == [*pair, *pair, "Deployment", "Service"]


@pytest.mark.parametrize("kind", ["PersistentVolume", "PersistentVolumeClaim"])
def test_the_class_is_empty_or_a_billed_file_system_would_be_made(kind):
    assert one(kind)["spec"]["storageClassName"] == ""


def test_the_version_of_nfs_is_a_string_as_attributes_must_be():
    attributes = one("PersistentVolume")["spec"]["csi"]["volumeAttributes"]
    assert attributes["vers"] == "3"
    assert attributes["path"] == "/models/Stable-diffusion"
    assert all(isinstance(value, str) for value in attributes.values())


def test_files_outlive_the_volume():
    assert one("PersistentVolume")["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_volume_and_claim_name_each_other():
    volume, claim = one("PersistentVolume"), one("PersistentVolumeClaim")
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"]


def test_volumes_of_two_namespaces_and_two_deployments_never_share_a_name():
    def name(pk, namespace):
        place = manifests.Place(namespace, PLACE.registry, PLACE.cfs_host, PLACE.cfs_fsid)
        return manifests.volume(pk, "anime", "models/Lora", place)["metadata"]["name"]

    assert len({name(7, "sd"), name(8, "sd"), name(7, "art")}) == 3


def test_the_longest_names_still_fit_and_differ_by_folder():
    place = manifests.Place("n" * 63, PLACE.registry, PLACE.cfs_host, PLACE.cfs_fsid)
    names = {
        manifests.volume(2**63, "d" * 40, folder, place)["metadata"]["name"]
        for folder in FOLDERS.values()
    }
    assert len(names) == len(FOLDERS)
    assert max(len(name) for name in names) <= 253


@pytest.mark.parametrize("flags", [("--api",), ("--nowebui",), ()])
def test_the_port_is_always_said_because_without_a_page_the_default_moves(flags):
    args = container(flags=flags)["args"]
    assert args[:3] == ["--listen", "--port", "7860"]
    assert args[3 : 3 + len(flags)] == list(flags)


def test_extra_arguments_come_last():
    args = container(extra_args=("--theme", "dark"))["args"]
    assert args[-4:] == ["--ckpt", args[-3], "--theme", "dark"]
    assert args[-3].endswith("/models/Stable-diffusion/sd15-v1.safetensors")


def test_without_a_page_the_probe_asks_what_exists():
    paths = {
        flags: container(flags=flags)["readinessProbe"]["httpGet"]["path"]
        for flags in [("--api",), ("--nowebui",)]
    }
    assert paths == {("--api",): "/internal/ping", ("--nowebui",): "/docs"}


def test_the_selector_is_the_id_alone_because_it_can_never_change():
    deployment, service = one("Deployment"), one("Service")
    assert deployment["spec"]["selector"] == {"matchLabels": {OWNER_LABEL: "7"}}
    assert service["spec"]["selector"] == {OWNER_LABEL: "7"}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= deployment["spec"]["selector"]["matchLabels"].items()


def test_the_image_is_pinned_by_digest_and_the_tag_is_only_told():
    assert container()["image"].endswith(f"/aigc/stable-diffusion-webui@{DIGEST}")
    template = one("Deployment")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"sdconsole.io/image-tag": "1.10.1-cu121"}


@pytest.mark.parametrize(
    ("core", "gib", "extended"),
    [(50, 10, {QGPU_CORE: "50", QGPU_MEMORY: "10"}), (200, 0, {QGPU_CORE: "200"})],
)
def test_limits_alone_hold_the_slice_and_whole_cards_no_memory(core, gib, extended):
    resources = container(slice={"core": core, "memory_gib": gib}, cpu=0.5)["resources"]
    assert resources == {"limits": {"cpu": "0.5", "memory": "16Gi", **extended}}


def test_a_full_card_has_no_room_for_a_surge_pod():
    strategy = one("Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 0, "maxUnavailable": 1}


def test_models_are_mounted_read_only_where_the_web_ui_looks():
    mounts = {mount["mountPath"]: mount for mount in container()["volumeMounts"]}
    assert mounts["/root/stable-diffusion-webui/models/Stable-diffusion"]["readOnly"]
    assert mounts["/root/stable-diffusion-webui/models/Lora"]["readOnly"]
    assert "/dev/shm" in mounts


@pytest.mark.parametrize(
    ("service", "kind", "annotated"),
    [
        ({"type": "ClusterIP"}, "ClusterIP", False),
        ({"type": "Public"}, "LoadBalancer", False),
        ({"type": "Internal", "subnet_id": "subnet-1"}, "LoadBalancer", True),
    ],
)
def test_only_an_internal_balancer_carries_a_subnet(service, kind, annotated):
    found = one("Service", service=service)
    assert found["spec"]["type"] == kind
    assert ("annotations" in found["metadata"]) is annotated


def test_variables_are_sorted_so_that_the_same_wish_gives_the_same_manifest():
    env = container(environment={"B": "2", "A": "1"})["env"]
    assert env == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert "env" not in container()
