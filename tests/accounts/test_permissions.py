"""The table of rights, read from outside: who may do what."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.accounts.models import User
from apps.accounts.permissions import CAPABILITIES, ROLE_EXPLAINED, ROLE_WORDS, Role, can, requires
from apps.core.access import Refused
from tests.cast import make_person

# Written out, not derived: widening a role must change a test too.
MAY = {
    "viewer": {"console.view", "token.own"},
    "operator": {
        "console.view",
        "token.own",
        "environment.change",
        "deployment.plan",
        "gateway.plan",
        "plan.apply",
        "generate",
        "audit.read",
    },
    "approver": {"console.view", "token.own", "plan.apply", "plan.approve", "audit.read"},
    "reviewer": {"console.view", "token.own", "moderation.view", "moderation.decide"},
    "lead-reviewer": {
        "console.view",
        "token.own",
        "moderation.view",
        "moderation.decide",
        "moderation.release",
        "policy.change",
        "audit.read",
    },
    "model-manager": {
        "console.view",
        "token.own",
        "model.upload",
        "model.publish",
        "model.delete",
        "plan.apply",
        "generate",
    },
    "administrator": set(CAPABILITIES),
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_grants_exactly_its_rights(db: None, role: Role) -> None:
    person = make_person("somebody", role)
    assert {name for name in CAPABILITIES if can(person, name)} == MAY[role]


def test_every_role_has_words() -> None:
    assert set(ROLE_WORDS) == set(ROLE_EXPLAINED) == set(Role) == set(MAY)


def test_nobody_may_do_anything_without_a_role(ned: User) -> None:
    assert not any(can(ned, name) for name in CAPABILITIES)
    assert not any(can(AnonymousUser(), name) for name in CAPABILITIES)


def test_superuser_is_not_a_role(db: None) -> None:
    person = User.objects.create_user("su", is_superuser=True, is_staff=True)
    assert not any(can(person, name) for name in CAPABILITIES)


def test_createsuperuser_makes_an_administrator(db: None) -> None:
    person = User.objects.create_superuser("boss", password="x")
    assert can(person, "account.manage")


def test_a_disabled_person_may_nothing(root: User) -> None:
    root.is_active = False
    assert not any(can(root, name) for name in CAPABILITIES)


def test_two_roles_add_up(db: None) -> None:
    person = make_person("both", Role.VIEWER, Role.REVIEWER)
    assert can(person, "moderation.decide")
    assert not can(person, "moderation.release")


def test_a_capability_nobody_knows_is_a_mistake_not_a_no(olga: User) -> None:
    with pytest.raises(KeyError):
        can(olga, "deployment.paln")


def test_scopes_of_a_token_narrow_but_never_widen(olga: User) -> None:
    olga.token_scopes = frozenset({"console.view", "account.manage"})
    assert can(olga, "console.view")
    assert not can(olga, "deployment.plan")
    assert not can(olga, "account.manage")


@requires("plan.apply")
def door(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


def test_requires_lets_in_and_keeps_out(olga: User, vic: User) -> None:
    request = RequestFactory().post("/")
    request.user = olga
    assert door(request).content == b"in"
    for outsider in (vic, AnonymousUser()):
        request.user = outsider
        with pytest.raises(Refused) as refusal:
            door(request)
        assert refusal.value.capability == "plan.apply"
