"""The cast: one person per role.  A test asks for one who may, and for `ned`, who may nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:
    from apps.accounts.models import User

PASSWORD = "correct horse battery"


def make_person(username: str, *roles: str, display_name: str = "") -> User:
    # Imported here: this module may be loaded as a plugin, before Django is set up.
    from django.contrib.auth.models import Group

    from apps.accounts.models import User

    person = User.objects.create_user(
        username, password=PASSWORD, display_name=display_name or username.title()
    )
    # A test that empties the database takes the groups of the migration with it.
    person.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return User.objects.get(pk=person.pk)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def olga(db: None) -> User:
    return make_person("olga", "operator")


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada", "approver")


@pytest.fixture
def rui(db: None) -> User:
    return make_person("rui", "reviewer")


@pytest.fixture
def lea(db: None) -> User:
    return make_person("lea", "lead-reviewer")


@pytest.fixture
def mo(db: None) -> User:
    return make_person("mo", "model-manager")


@pytest.fixture
def vic(db: None) -> User:
    return make_person("vic", "viewer")


@pytest.fixture
def ned(db: None) -> User:
    return make_person("ned")


@pytest.fixture
def root(db: None) -> User:
    return make_person("root", "administrator")
