"""The pages of model files: who sees what, both languages, and never a query per row."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from apps.core.models import Plan
from apps.core.phases import Phase
from apps.registry.models import Version
from apps.registry.refusals import SENTENCES
from tests import factories
from tests.cast import signed_in

pytestmark = pytest.mark.django_db
LIST = "/models/"


def page(client: Client, path: str = LIST, status: int = 200, **more: Any) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == status
    return answer.content.decode()


def test_the_list_shows_versions_and_what_is_wrong(vic: Any) -> None:
    good = factories.make_version()
    bad = factories.make_version(
        phase=Phase.BLOCKED,
        verdict="refused",
        message={"text": "This is a LoRA, not a checkpoint."},
    )
    content = page(signed_in(vic))
    assert good.get_absolute_url() in content
    assert good.sha256 in content
    assert bad.get_absolute_url() in content
    assert "This is a LoRA, not a checkpoint." in content


def test_an_empty_list_teaches(vic: Any) -> None:
    content = page(signed_in(vic))
    assert "No model file yet." in content
    assert "/models/Stable-diffusion" in content


def test_only_model_managers_get_the_uploader(mo: Any, vic: Any, olga: Any) -> None:
    assert 'id="uploader"' in page(signed_in(mo))
    for person in (vic, olga):
        content = page(signed_in(person))
        assert 'id="uploader"' not in content
        assert "registry-upload" not in content


def test_ned_sees_nothing(ned: Any) -> None:
    version = factories.make_version()
    for path in (LIST, version.get_absolute_url()):
        page(signed_in(ned), path, 403)


@pytest.mark.parametrize(("language", "word"), [("en", "a LoRA"), ("zh-hans", "LoRA")])
def test_the_browser_is_told_every_sentence(mo: Any, language: str, word: str) -> None:
    factories.make_environment(name="demo")
    mo.language = language
    mo.save()
    content = page(signed_in(mo))
    told = json.loads(unescape(content.split('data-told="')[1].split('"')[0]))
    assert set(told["refusals"]) == set(SENTENCES)
    assert told["kinds"]["lora"] == word
    if language == "zh-hans":
        assert "文件" in told["refusals"]["truncated"]
    assert told["environments"] == ["demo"]


def test_filters_and_search(vic: Any) -> None:
    one = factories.make_version(family="SDXL")
    two = factories.make_version(family="SD 1.5", phase=Phase.BLOCKED)
    lora = factories.make_version(
        model=factories.make_model(name="ink", type="lora"), family="Flux"
    )
    factories.make_deployment(checkpoint=two, environment=two.environment)
    for query, found in (
        ("family=SDXL", one),
        ("type=lora", lora),
        ("phase=blocked", two),
        ("use=used", two),
        ("q=ink", lora),
        (f"q={one.sha256}", one),
    ):
        content = page(signed_in(vic), f"{LIST}?{query}")
        shown = {v for v in (one, two, lora) if f"version-row-{v.pk}" in content}
        assert shown == {found}, query
    assert f"version-row-{two.pk}" not in page(signed_in(vic), f"{LIST}?use=free")


@pytest.mark.parametrize("key", ["name", "family", "state", "size", "uploaded", "nonsense"])
def test_sorting(vic: Any, key: str) -> None:
    factories.make_version()
    page(signed_in(vic), f"{LIST}?sort=-{key}")


def test_the_rows_alone_for_htmx(mo: Any) -> None:
    factories.make_version()
    content = page(signed_in(mo), LIST, headers={"HX-Request": "true", "HX-Target": "rows"})
    assert "version-row-" in content
    assert "<html" not in content


def test_the_list_asks_again_only_while_something_is_on_its_way(vic: Any) -> None:
    factories.make_version()
    assert "load delay" not in page(signed_in(vic))
    factories.make_version(phase=Phase.WORKING)
    assert "load delay" in page(signed_in(vic))


def test_as_many_queries_for_fifty_rows_as_for_three(
    mo: Any, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(mo)
    environment = factories.make_adopted(name="region")
    for _number in range(3):
        version = factories.make_version(environment=environment)
        factories.make_deployment(checkpoint=version, environment=environment)
    page(client)
    with django_assert_max_num_queries(100) as few:
        page(client)
    for _number in range(47):
        factories.make_version(environment=environment)
    with django_assert_max_num_queries(len(few)):
        page(client)


# ---- one version --------------------------------------------------------------------------------


def test_a_version_shows_its_header_its_sums_and_its_users(vic: Any) -> None:
    version = factories.make_version(
        claimed_sha256="a" * 64,
        facts={
            "parts": [
                {"kind": "UNet", "tensors": 686, "size_bytes": 3 << 30, "dtype": "F16"},
                {"kind": "VAE", "tensors": 248, "size_bytes": 1 << 30, "dtype": "F32"},
            ],
            "tensors": 934,
            "parameters": 1_066_000_000,
            "header_bytes": 90_000,
            "sure": 1.0,
            "evidence": "model.diffusion_model.input_blocks.2.1",
            "title": "<script>alert(1)</script>",
        },
    )
    factories.make_deployment(name="anime", checkpoint=version, environment=version.environment)
    content = page(signed_in(vic), version.get_absolute_url())
    for shown in (version.sha256, version.crc64, "UNet", "934 tensors", "1.07 B", "anime"):
        assert shown in content
    assert 'x="75.00%" width="25.00%"' in content
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert" in content


@pytest.mark.parametrize("state", [{}, {"verdict": "pending", "published_at": None, "family": ""}])
@pytest.mark.parametrize("phase", list(Phase))
def test_every_state_can_be_shown(vic: Any, phase: Phase, state: dict[str, Any]) -> None:
    version = factories.make_version(phase=phase, **state)
    page(signed_in(vic), version.get_absolute_url())


def test_it_refreshes_while_it_is_on_its_way(vic: Any) -> None:
    client = signed_in(vic)
    moving = factories.make_version(phase=Phase.WORKING).get_absolute_url()
    assert f'hx-get="{moving}"' in page(client, moving)
    still = factories.make_version().get_absolute_url()
    assert f'hx-get="{still}"' not in page(client, still)
    content = page(client, moving, headers={"HX-Request": "true", "HX-Target": "head"})
    assert "<html" not in content


def test_no_such_version(vic: Any) -> None:
    page(signed_in(vic), reverse("version-detail", args=[999]), 404)


def test_mo_plans_a_deletion(mo: Any) -> None:
    version = factories.make_version()
    answer = signed_in(mo).post(reverse("version-delete", args=[version.pk]))
    assert answer.headers["Location"] == reverse("plan-detail", args=[Plan.objects.get().pk])


def test_deleting_what_is_used_is_refused_on_the_page(mo: Any) -> None:
    version = factories.make_version()
    factories.make_deployment(name="anime", checkpoint=version, environment=version.environment)
    answer = signed_in(mo).post(reverse("version-delete", args=[version.pk]))
    assert answer.status_code == 422
    assert "is used by anime" in answer.content.decode()
    assert not Plan.objects.exists()


@pytest.mark.parametrize("door", ["version-delete", "version-look-again"])
def test_others_may_not(olga: Any, vic: Any, door: str) -> None:
    version = factories.make_version()
    for person in (olga, vic):
        content = page(signed_in(person), version.get_absolute_url())
        assert reverse(door, args=[version.pk]) not in content
        assert signed_in(person).post(reverse(door, args=[version.pk])).status_code == 403


def test_mo_has_the_disk_looked_at_again(mo: Any) -> None:
    version = factories.make_version(phase=Phase.DEGRADED, due_at=None)
    answer = signed_in(mo).post(reverse("version-look-again", args=[version.pk]))
    assert answer.headers["Location"] == version.get_absolute_url()
    assert Version.objects.get(pk=version.pk).due_at


def test_the_pages_in_chinese(vic: Any) -> None:
    vic.language = "zh-hans"
    vic.save()
    version = factories.make_version()
    client = signed_in(vic)
    assert "搜索名称、文件、sha256、家族" in page(client)
    content = page(client, version.get_absolute_url())
    assert "文件头检查" in content
    with translation.override("en"):
        assert "Recognised by" not in content
