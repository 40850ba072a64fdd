"""Tokens, people and roles: the rules, and what the record says afterwards."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import ApiToken, User
from apps.accounts.permissions import Role, can
from apps.accounts.selectors import token_find
from apps.audit.models import Event
from apps.core.errors import RuleViolation
from tests.cast import PASSWORD, make_person


def verbs() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("verb", flat=True))


# ---- tokens


def test_a_token_opens_with_its_secret_and_the_secret_is_not_stored(olga: User) -> None:
    token, secret = services.token_create(user=olga, name="export")
    assert secret.startswith("sdc_")
    assert len(secret) > 40
    assert secret.startswith(token.prefix)
    assert token_find(secret) == token
    with connection.cursor() as cursor:
        cursor.execute("select t::text from accounts_apitoken t")
        assert secret not in cursor.fetchone()[0]
        cursor.execute("select e::text from audit_event e")
        assert all(secret not in row for (row,) in cursor.fetchall())


@pytest.mark.parametrize("wrong", ["", "sdc_", "sdc_wrong", "x" * 500])
def test_a_wrong_secret_opens_nothing(olga: User, wrong: str) -> None:
    services.token_create(user=olga, name="export")
    assert token_find(wrong) is None


def test_an_expired_token_opens_nothing(olga: User) -> None:
    token, secret = services.token_create(user=olga, name="export", days=1)
    assert token_find(secret) == token
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert token_find(secret) is None


def test_a_disabled_persons_token_opens_nothing(olga: User, root: User) -> None:
    _, secret = services.token_create(user=olga, name="export")
    services.person_change(by=root, person=olga, active=False)
    assert token_find(secret) is None


def test_a_revoked_token_opens_nothing_and_revoking_twice_is_one_event(olga: User) -> None:
    token, secret = services.token_create(user=olga, name="export")
    again = ApiToken.objects.get(pk=token.pk)
    services.token_revoke(token=token, by=olga)
    services.token_revoke(token=again, by=olga)
    assert token_find(secret) is None
    assert verbs() == ["token.create", "token.revoke"]


def test_scopes_must_be_held_by_the_person(vic: User) -> None:
    with pytest.raises(RuleViolation) as refusal:
        services.token_create(user=vic, name="sly", scopes=["account.manage"])
    assert refusal.value.field == "scopes"
    with pytest.raises(RuleViolation):
        services.token_create(user=vic, name="sly", scopes=["no.such.right"])
    assert not ApiToken.objects.exists()


def test_a_narrow_token_cannot_make_a_wide_one(root: User) -> None:
    root.token_scopes = frozenset({"token.own"})
    token, _ = services.token_create(user=root, name="child")
    assert token.scopes == ["token.own"]
    with pytest.raises(RuleViolation):
        services.token_create(user=root, name="second", scopes=["account.manage"])


def test_names_of_tokens_are_unique_per_person(olga: User, vic: User) -> None:
    services.token_create(user=olga, name="export")
    services.token_create(user=vic, name="export")
    with pytest.raises(ValidationError):
        services.token_create(user=olga, name="export")


@pytest.mark.parametrize("days", [0, -1, 100_000])
def test_a_life_out_of_bounds_is_refused(olga: User, days: int) -> None:
    with pytest.raises(RuleViolation):
        services.token_create(user=olga, name="export", days=days)


def test_the_use_is_noted_at_most_once_a_minute(
    olga: User, django_assert_num_queries: object
) -> None:
    token, _ = services.token_create(user=olga, name="export")
    services.token_touch(token)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    services.token_touch(token)
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    services.token_touch(token)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at >= first


# ---- people


def test_a_new_person_can_sign_in_with_the_password_shown(root: User) -> None:
    person, password = services.person_create(
        by=root, username="  Nina ", display_name="Nina", roles=["viewer"]
    )
    assert person.username == "nina"
    assert person.check_password(password)
    assert can(User.objects.get(pk=person.pk), "console.view")
    event = Event.objects.get(verb="person.create")
    assert event.actor == root
    assert event.after == {"name": "Nina", "roles": ["viewer"]}


def test_a_user_name_is_taken_whatever_its_case(root: User) -> None:
    User.objects.create_user("Nina")
    with pytest.raises(ValidationError):
        services.person_create(by=root, username="nina")


def test_a_weak_first_password_is_refused(root: User) -> None:
    with pytest.raises(ValidationError):
        services.person_create(by=root, username="nina", password="password")
    assert not User.objects.filter(username="nina").exists()


def test_an_unknown_role_is_refused_and_nobody_is_made(root: User) -> None:
    with pytest.raises(RuleViolation):
        services.person_create(by=root, username="nina", roles=["emperor"])
    assert not User.objects.filter(username="nina").exists()


def test_roles_are_changed_and_recorded_with_before_and_after(root: User, vic: User) -> None:
    services.person_change(by=root, person=vic, roles=["operator"], reason="joins the night shift")
    event = Event.objects.get(verb="person.change")
    assert (event.before["roles"], event.after["roles"]) == (["viewer"], ["operator"])
    assert event.reason == "joins the night shift"


def test_a_change_that_changes_nothing_leaves_no_event(root: User, vic: User) -> None:
    services.person_change(by=root, person=vic, roles=["viewer"], active=True)
    assert verbs() == []


@pytest.mark.parametrize("change", [{"roles": ["viewer"]}, {"active": False}])
def test_the_last_administrator_stays(root: User, change: dict[str, object]) -> None:
    with pytest.raises(RuleViolation):
        services.person_change(by=root, person=root, **change)  # type: ignore[arg-type]
    assert can(User.objects.get(pk=root.pk), "account.manage")
    assert verbs() == []


def test_a_disabled_administrator_does_not_count(root: User) -> None:
    asleep = make_person("asleep", Role.ADMINISTRATOR)
    services.person_change(by=root, person=asleep, active=False)
    with pytest.raises(RuleViolation):
        services.person_change(by=root, person=root, roles=[])


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_demote_each_other_at_once() -> None:
    one, two = make_person("one", Role.ADMINISTRATOR), make_person("two", Role.ADMINISTRATOR)
    start, refused = threading.Barrier(2), []

    def demote(by: User, person: User) -> None:
        start.wait(10)
        try:
            services.person_change(by=by, person=person, roles=["viewer"])
        except RuleViolation as wrong:
            refused.append(wrong)
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(refused) == 1
    assert sum(can(person, "account.manage") for person in User.objects.all()) == 1


def test_a_new_password_replaces_the_old(root: User, vic: User) -> None:
    password = services.person_password(by=root, person=vic)
    vic.refresh_from_db()
    assert vic.check_password(password)
    assert not vic.check_password(PASSWORD)
    event = Event.objects.get(verb="person.password")
    assert password not in str((event.before, event.after, event.label))
