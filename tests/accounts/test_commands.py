"""Doors for shells: token and seed_accounts."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import ApiToken, User
from apps.accounts.selectors import token_find


def run(*args: str, **options: object) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_token_prints_the_secret_and_nothing_else(olga: User) -> None:
    secret = run("token", "olga").strip()
    found = token_find(secret)
    assert found is not None
    assert (found.user, found.scopes, found.expires_at) == (olga, [], None)
    assert run("token", "olga").strip() != secret


def test_token_takes_scopes_a_life_and_a_name(olga: User) -> None:
    scopes = ["--scope", "console.view", "--scope", "generate"]
    secret = run("token", "olga", *scopes, "--days", "7", "--name", "x")
    found = token_find(secret.strip())
    assert found is not None
    assert (found.name, found.scopes) == ("x", ["console.view", "generate"])
    assert found.expires_at is not None


@pytest.mark.parametrize(
    "args",
    [
        ("nobody",),
        ("olga", "--scope", "no.such"),
        ("olga", "--scope", "account.manage"),
        ("olga", "--days", "0"),
    ],
)
def test_token_refuses_nonsense(olga: User, args: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("token", *args)
    assert not ApiToken.objects.exists()


def test_seed_makes_the_demo_accounts_once(db: None, tmp_path: Path, settings: Settings) -> None:
    settings.SDCONSOLE_HOME = tmp_path / "home"
    run("seed_accounts")
    path = tmp_path / "home" / "accounts.txt"
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    noted = dict(line.split() for line in first.splitlines())
    assert list(noted) == ["admin", "ops", "approver", "reviewer", "models", "viewer"]
    assert len(set(noted.values())) == 6
    for username, password in noted.items():
        assert Client().login(username=username, password=password)
    assert "ops" in run("seed_accounts")
    assert path.read_text() == first
    assert User.objects.count() == 6
    assert User.objects.get(username="admin").can("account.manage")


def test_seed_leaves_passwords_of_existing_people_alone(
    db: None, tmp_path: Path, settings: Settings
) -> None:
    settings.SDCONSOLE_HOME = tmp_path
    User.objects.create_user("ops", password="chosen by a person")
    run("seed_accounts")
    assert "ops" not in (tmp_path / "accounts.txt").read_text()
    assert Client().login(username="ops", password="chosen by a person")
