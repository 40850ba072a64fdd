"""/api/v1/me, /tokens, /people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status
from pydantic import Field

from apps.accounts import selectors, services
from apps.accounts.models import ApiToken, User
from apps.accounts.permissions import capabilities_of
from apps.core.api import Input, Output, Page, api_requires, page

router = Router(tags=["accounts"])


class Me(Output):
    username: str
    display_name: str
    language: str
    theme: str
    timezone: str
    roles: list[str]
    capabilities: list[str]  # after the scopes of the token in use


class TokenOut(Output):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenIn(Input):
    name: str = Field(min_length=1, max_length=80)
    scopes: list[str] = []
    days: int | None = None


class TokenMade(Output):
    token: TokenOut
    secret: str  # shown in this answer and never again


class PersonOut(Output):
    id: int
    username: str
    display_name: str
    roles: list[str]
    active: bool
    last_login: datetime | None

    @staticmethod
    def resolve_roles(person: User) -> list[str]:
        return sorted(person.roles)

    @staticmethod
    def resolve_active(person: User) -> bool:
        return person.is_active


class PersonIn(Input):
    username: str = Field(min_length=1, max_length=150)
    display_name: str = Field(default="", max_length=80)
    roles: list[str] = []


class PersonMade(Output):
    person: PersonOut
    password: str  # shown in this answer and never again


class PersonChange(Input):
    display_name: str | None = Field(default=None, max_length=80)
    roles: list[str] | None = None
    active: bool | None = None
    reason: str = ""


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the API root lets nobody else in
    return request.user


@router.get("/me", response=Me)
@api_requires("console.view")
def me(request: HttpRequest) -> dict[str, Any]:
    user = _me(request)
    return {
        "username": user.username,
        "display_name": str(user),
        "language": user.language,
        "theme": user.theme,
        "timezone": user.timezone,
        "roles": sorted(user.roles),
        "capabilities": capabilities_of(user),
    }


@router.get("/tokens", response=Page[TokenOut])
@api_requires("token.own")
def tokens(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """One's own tokens, newest first, without their secrets."""
    return page(selectors.token_list(_me(request)), cursor, limit)


@router.post("/tokens", response={201: TokenMade})
@api_requires("token.own")
def token_create(request: HttpRequest, body: TokenIn) -> Status[Any]:
    token, secret = services.token_create(
        user=_me(request), name=body.name, scopes=body.scopes, days=body.days
    )
    return Status(201, {"token": token, "secret": secret})


@router.delete("/tokens/{token_id}", response={204: None})
@api_requires("token.own")
def token_revoke(request: HttpRequest, token_id: int) -> Status[Any]:
    user = _me(request)
    token = get_object_or_404(ApiToken, pk=token_id, user=user)
    services.token_revoke(token=token, by=user)
    return Status(204, None)


@router.get("/people", response=Page[PersonOut])
@api_requires("account.manage")
def people(request: HttpRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    return page(selectors.person_list(), cursor, limit, order="username")


@router.post("/people", response={201: PersonMade})
@api_requires("account.manage")
def person_create(request: HttpRequest, body: PersonIn) -> Status[Any]:
    person, password = services.person_create(by=_me(request), **body.dict())
    return Status(201, {"person": person, "password": password})


@router.patch("/people/{person_id}", response=PersonOut)
@api_requires("account.manage")
def person_change(request: HttpRequest, person_id: int, body: PersonChange) -> User:
    person = get_object_or_404(User, pk=person_id)
    return services.person_change(by=_me(request), person=person, **body.dict())
