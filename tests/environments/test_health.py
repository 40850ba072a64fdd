"""How a product is doing, in one word, one sentence and one remedy."""

from dataclasses import replace

import pytest

from apps.core.words import Say
from apps.environments.facts import AddonFacts, ModerationFacts
from apps.environments.health import Seen, Trouble, health, worst
from apps.environments.products import REMITS, Product
from apps.environments.remedies import diagnosis
from cloud import errors
from tests.environments.factories import BUCKET, CLUSTER, FILES, GATEWAY, NODE, REGISTRY

FINE = Seen(
    cluster_id=CLUSTER.id,
    cfs_id=FILES.id,
    tcr_id=REGISTRY.id,
    gateway_id=GATEWAY.id,
    bucket_name=BUCKET.name,
    origins=("http://127.0.0.1:8000",),
    cluster=CLUSTER,
    file_system=FILES,
    registry=REGISTRY,
    gateway=GATEWAY,
    bucket=BUCKET,
    nodes=(NODE,),
    addons=(AddonFacts("qgpu", CLUSTER.id, "1.1.10", "Succeeded"),),
    policies=(ModerationFacts("biz1", "default", True),),
    read=frozenset(Product),
)
CASES = {
    "all well": ("tke", {}, "ok"),
    "cluster gone": ("tke", {"cluster": None}, "bad"),
    "cluster upgrading": ("tke", {"cluster": replace(CLUSTER, state="Upgrading")}, "run"),
    "cluster abnormal": ("tke", {"cluster": replace(CLUSTER, state="Abnormal")}, "bad"),
    "no nodes": ("nodes", {"nodes": ()}, "warn"),
    "one node of two": ("nodes", {"nodes": (NODE, replace(NODE, ready=False))}, "warn"),
    "no node": ("nodes", {"nodes": (replace(NODE, ready=False),)}, "bad"),
    "no card": ("nodes", {"nodes": (replace(NODE, cards=0),)}, "warn"),
    "no qgpu": ("qgpu", {"addons": ()}, "warn"),
    "qgpu installing": ("qgpu", {"addons": (AddonFacts("qgpu", "c", "1", "Installing"),)}, "run"),
    "qgpu failed": ("qgpu", {"addons": (AddonFacts("qgpu", "c", "1", "InstallFailed"),)}, "bad"),
    "disk almost full": (
        "cfs",
        {"file_system": replace(FILES, limit_gib=100, used_bytes=90 << 30)},
        "warn",
    ),
    "disk without mount": ("cfs", {"file_system": replace(FILES, mount_state="")}, "bad"),
    "gateway without address": ("gateway", {"gateway": replace(GATEWAY, address="")}, "warn"),
    "gateway not adopted": ("gateway", {"gateway_id": ""}, "hold"),
    "bucket without our origin": ("cos", {"bucket": replace(BUCKET, origins=())}, "warn"),
    "bucket open to all": ("cos", {"bucket": replace(BUCKET, origins=("*",))}, "ok"),
    "no moderation": ("ci", {"policies": ()}, "hold"),
    "policy gone": ("ci", {"biz_type": "biz-9"}, "warn"),
    "not read yet": ("tke", {"read": frozenset()}, "run"),
    "cannot be read": (
        "tke",
        {"troubles": {Product.TKE: Trouble(Say("no"), Say("do"))}},
        "bad",
    ),
}


@pytest.mark.parametrize(("key", "changes", "state"), CASES.values(), ids=CASES)
def test_state(key, changes, state):
    found = {one.key: one for one in health(replace(FINE, **changes))}
    assert found[key].state == state
    assert str(found[key].word)
    if found[key].needs_person:
        assert str(found[key].sentence)
        assert str(found[key].remedy)


def test_the_worst_of_all_speaks_for_the_environment():
    assert worst(health(FINE)) == "ok"
    assert worst(health(replace(FINE, cluster=None, addons=()))) == "bad"


ERRORS = {
    "wrong key": (
        errors.NotAuthorized("x", code="AuthFailure.SignatureFailure"),
        Product.TKE,
        "refuses this key",
        True,
    ),
    "clock": (
        errors.NotAuthorized("x", code="AuthFailure.SignatureExpire"),
        Product.TKE,
        "signature",
        True,
    ),
    "missing permission names the action": (
        errors.NotAuthorized("You may not (cfs:DescribeMountTargets) here", code="Unauthorized"),
        Product.CFS,
        "cfs:DescribeMountTargets",
        True,
    ),
    "cluster refuses": (
        errors.NotAuthorized("nodes is forbidden", code="Forbidden"),
        Product.KUBE,
        "kubeconfig",
        True,
    ),
    "cluster out of reach": (errors.Unreachable("x"), Product.KUBE, "cannot be reached", False),
    "away": (errors.Unreachable("x"), Product.CFS, "does not answer", False),
    "slow down": (errors.Throttled("x"), Product.TCR, "slow down", False),
    "no such region": (
        errors.Rejected("x", code="UnsupportedRegion"),
        Product.TSE,
        "does not know this region",
        True,
    ),
    "adopted thing gone": (errors.NotFound("x"), Product.TKE, "what was adopted", True),
}


@pytest.mark.parametrize(("error", "product", "words", "permanent"), ERRORS.values(), ids=ERRORS)
def test_an_error_becomes_a_sentence_with_a_remedy(error, product, words, permanent):
    told = diagnosis(error, product)
    assert words in str(told.error)
    assert str(told.remedy)
    assert told.permanent is permanent


def test_every_product_says_what_it_may_be_asked_for():
    assert set(REMITS) == set(Product)
    assert all(remit.actions and remit.every_s >= 15 for remit in REMITS.values())
