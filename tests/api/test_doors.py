"""Every door of the house, walked: nobody gets in unknown, and nobody without a right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import User
from apps.accounts.permissions import CAPABILITIES
from apps.console.api import api
from tests.cast import signed_in

# What answers strangers.  A new line here is a decision: say why.
PUBLIC = {
    "healthz": "asked by load balancers",
    "readyz": "asked by load balancers",
    "metrics": "asked by Prometheus, guarded by its own token or network",
    "login": "the door itself",
    "set_language": "the door has a language; sets a cookie, nothing else",
    "theme": "the door has a theme; sets a cookie, nothing else",
}
# Signed-in people without any role may still use these.
FOR_EVERYBODY = {
    "logout": "whoever is in may leave",
    "environment-choose": "sets a cookie, nothing else",
    "environment-switch": "sets a cookie, nothing else",
}
# Callbacks of the cloud: the secret in the address is the credential, whoever sends it.
HOOKS = {"hook-cos": "CI says that a picture is judged; only which one is believed"}
PUBLIC_PATHS = ("hooks/",)

SAMPLES = {
    "int": "1",
    "str": "x",
    "slug": "x",
    "uuid": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "path": "x",
}


def doors(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(URL name, path with made-up values) of every pattern outside the API."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "api":
                yield from doors(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and not path.startswith(("^api/", *PUBLIC_PATHS)):
            made_up = re.sub(
                r"<(?:(\w+):)?\w+>", lambda match: SAMPLES.get(match[1] or "str", "x"), path
            )
            yield pattern.name or path, "/" + made_up.lstrip("^").rstrip("$")


def operations() -> Iterator[tuple[str, str, Any]]:
    """(method, path, view function) of every API operation."""
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                made_up = re.sub(r"{(?:(\w+):)?\w+}", "1", f"/api/v1{prefix}{path}")
                for method in operation.methods:
                    yield method, made_up, operation.view_func


def _patterns(patterns: Any) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


DOORS = sorted(set(doors()))
OPERATIONS = sorted(operations(), key=lambda found: found[:2])


def test_the_walk_finds_the_house() -> None:
    assert {"login", "settings", "event-list", "person-detail"} <= {name for name, _ in DOORS}
    assert ("GET", "/api/v1/audit/events") in [found[:2] for found in OPERATIONS]


@pytest.mark.parametrize(("name", "path"), DOORS)
def test_a_stranger_is_sent_to_the_door(db: None, name: str, path: str) -> None:
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path)
        if name in PUBLIC:
            assert answer.status_code in (200, 302, 405, 422, 503)
        else:
            assert answer.status_code == 302, f"{method} {path} answered {answer.status_code}"
            assert answer.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("name", "path"), [door for door in DOORS if door[0] not in {*PUBLIC, *FOR_EVERYBODY}]
)
def test_ned_without_a_role_is_refused(ned: User, name: str, path: str) -> None:
    client = signed_in(ned)
    codes = {getattr(client, method)(path).status_code for method in ("get", "post")}
    # A door that knows only one verb refuses the other as such.
    assert codes in ({403}, {403, 405}), f"{path} answered {codes}"


@pytest.mark.parametrize(("method", "path"), [found[:2] for found in OPERATIONS])
def test_operations_refuse_strangers(db: None, method: str, path: str) -> None:
    stranger = Client().generic(method, path, "{}", content_type="application/json")
    assert (stranger.status_code, stranger.headers["Content-Type"]) == (
        401,
        "application/problem+json",
    )


@pytest.mark.parametrize(("method", "path", "view"), OPERATIONS)
def test_operations_name_a_right_that_exists(method: str, path: str, view: Any) -> None:
    assert getattr(view, "capability", None) in CAPABILITIES, f"{method} {path} asks for no right"


@pytest.mark.parametrize(("method", "path"), [found[:2] for found in OPERATIONS])
def test_ned_may_call_no_operation_nor_learn_what_it_expects(
    ned: User, method: str, path: str
) -> None:
    answer = signed_in(ned).generic(method, path, "[]", content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["capability"] in CAPABILITIES


def test_every_guard_names_a_right_that_exists() -> None:
    guarded = [
        p for p in _patterns(get_resolver().url_patterns) if hasattr(p.callback, "capability")
    ]
    assert guarded
    for pattern in guarded:
        assert pattern.callback.capability in CAPABILITIES, pattern.name  # type: ignore[attr-defined]


def hooks() -> Iterator[tuple[str, str]]:
    """(URL name, path with a made-up secret) of what the cloud calls."""
    for pattern in _patterns(get_resolver().url_patterns):
        if str(pattern.pattern).startswith(PUBLIC_PATHS):
            yield pattern.name or "", "/" + re.sub(r"<[^>]+>", "made-up", str(pattern.pattern))


def test_hooks_are_known() -> None:
    assert {name for name, _ in hooks()} == set(HOOKS)


@pytest.mark.parametrize(("name", "path"), sorted(hooks()))
def test_a_hook_knows_nobody_without_its_secret(db: None, name: str, path: str) -> None:
    callback = {"JobsDetail": {"JobId": "x", "State": "Success"}}
    assert Client().post(path, callback, content_type="application/json").status_code == 404
    assert Client().get(path).status_code == 405


def test_every_door_has_a_name_of_its_own() -> None:
    """Tests, links and budgets speak of doors by name; the API's are named by Ninja."""
    names = [name for name, _ in doors()]
    assert [name for name in names if not re.fullmatch(r"[a-z]+([-_][a-z]+)*", name)] == []
    assert len(names) == len(set(names))


def test_what_the_api_offers_beside_its_operations_is_closed_to_strangers(db: None) -> None:
    """The description of the API tells how the house is built."""
    paths = {f"/api/v1/{pattern.pattern}" for pattern in _patterns(api.urls[0])}
    beside = {path for path in paths if "<" not in path} - {path for _, path, _ in OPERATIONS}
    assert "/api/v1/openapi.json" in beside
    for path in beside:
        assert Client().get(path).status_code in (302, 401, 404), path
