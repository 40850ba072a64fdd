"""The door: who gets in, who waits, and that it tells nobody which names exist."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts import throttle
from apps.accounts.models import User
from apps.audit.models import Event
from tests.cast import PASSWORD, signed_in

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def no_tries_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def knock(username: str, password: str, ip: str = "192.0.2.1") -> int:
    form = {"username": username, "password": password}
    return Client(REMOTE_ADDR=ip).post(LOGIN, form).status_code


def test_the_right_password_opens(olga: User) -> None:
    answer = Client().post(LOGIN, {"username": "olga", "password": PASSWORD, "next": "/audit/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/audit/")


def test_next_never_leads_to_another_site(olga: User) -> None:
    form = {"username": "olga", "password": PASSWORD, "next": "https://evil.example/"}
    assert Client().post(LOGIN, form).headers["Location"] == "/"


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(olga: User) -> None:
    answers = [
        Client().post(LOGIN, {"username": name, "password": "wrong"}) for name in ("olga", "ghost")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    shown = [answer.context["form"].non_field_errors() for answer in answers]
    assert shown[0] == shown[1]


def test_a_disabled_person_is_answered_like_a_stranger(olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert knock("olga", PASSWORD) == 422


def test_after_five_failures_even_the_right_password_waits(olga: User) -> None:
    assert [knock("olga", "wrong") for _ in range(5)] == [422] * 5
    answer = Client(REMOTE_ADDR="192.0.2.1").post(LOGIN, {"username": "Olga", "password": PASSWORD})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= throttle.WINDOW_S
    assert "5 minutes" in answer.content.decode()


def test_strangers_are_locked_out_the_same_way(db: None) -> None:
    assert [knock("ghost", "wrong") for _ in range(6)] == [422] * 5 + [429]


def test_another_address_and_another_name_may_still_try(olga: User, vic: User) -> None:
    for _ in range(6):
        knock("olga", "wrong")
    assert knock("olga", PASSWORD, ip="192.0.2.2") == 302
    assert knock("vic", PASSWORD) == 302


def test_a_success_forgets_the_failures(olga: User) -> None:
    for _ in range(3):
        assert [knock("olga", "wrong") for _ in range(4)] == [422] * 4
        assert knock("olga", PASSWORD) == 302


def test_parallel_guesses_count_too() -> None:
    passed = []

    def guess() -> None:
        passed.append(throttle.take_try("olga", "192.0.2.1") is None)

    threads = [threading.Thread(target=guess) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(passed) == throttle.TRIES


def test_a_forged_forwarded_address_does_not_help(olga: User, settings: Settings) -> None:
    def forged(number: int) -> int:
        form = {"username": "olga", "password": "wrong"}
        forwarded = f"203.0.113.{number}, 198.51.100.9"
        client = Client(REMOTE_ADDR="192.0.2.1", headers={"x-forwarded-for": forwarded})
        return client.post(LOGIN, form).status_code

    assert [forged(number) for number in range(6)] == [422] * 5 + [429]
    cache.clear()
    settings.TRUSTED_PROXY_COUNT = 1  # our proxy saw 198.51.100.9; the left part is hearsay
    assert [forged(number) for number in range(6)] == [422] * 5 + [429]


def test_sign_ins_and_pauses_are_recorded_but_no_unknown_name(olga: User) -> None:
    for name in ("olga", "my-secret-password"):
        for _ in range(8):
            knock(name, "wrong")
    knock("olga", PASSWORD, ip="192.0.2.2")
    events = Event.objects.order_by("pk").values_list("verb", "label", "ip")
    assert list(events) == [
        ("session.refuse", "olga", "192.0.2.1"),
        ("session.refuse", "", "192.0.2.1"),
        ("session.start", "olga", "192.0.2.2"),
    ]


def test_signing_out_is_a_post(olga: User) -> None:
    client = signed_in(olga)
    assert client.get(reverse("logout")).status_code == 405
    client.post(reverse("logout"))
    assert client.get(reverse("settings")).status_code == 302


def test_a_person_disabled_meanwhile_is_signed_out(olga: User) -> None:
    client = signed_in(olga)
    assert client.get(reverse("settings")).status_code == 200
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert client.get(reverse("settings")).status_code == 302
