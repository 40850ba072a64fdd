"""Changes of people, roles and tokens; each leaves an event in the audit record."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.accounts.models import ApiToken, User
from apps.accounts.permissions import CAPABILITIES, Role, can
from apps.accounts.selectors import administrators
from apps.audit.services import record
from apps.core.errors import RuleViolation

TOUCH_EVERY = timedelta(minutes=1)
DAYS_MOST = 3650
PASSWORD_BYTES = 15  # 20 letters


# ---- tokens -------------------------------------------------------------------------------------


@transaction.atomic
def token_create(
    *, user: User, name: str, scopes: Iterable[str] = (), days: int | None = None
) -> tuple[ApiToken, str]:
    """A new token of `user` and its secret, which nobody can read again.

    `scopes` narrow it to these capabilities (none = all of the person's); `days` is its life
    (None = until revoked).  Raises RuleViolation or ValidationError (name taken).
    """
    # A narrowed token must not give birth to a wider one.
    wanted = sorted(set(scopes) or user.token_scopes)
    for scope in wanted:
        if scope not in CAPABILITIES or not can(user, scope):
            raise RuleViolation(
                _("You cannot give a token the right “%(scope)s”: you do not hold it yourself.")
                % {"scope": scope},
                field="scopes",
            )
    if days is not None and not 1 <= days <= DAYS_MOST:
        raise RuleViolation(
            _("A token lives between 1 and %(most)d days.") % {"most": DAYS_MOST}, field="days"
        )
    secret = ApiToken.new_secret()
    token = ApiToken(
        user=user,
        name=name.strip(),
        prefix=secret[: ApiToken.SHOWN],
        sha256=ApiToken.digest(secret),
        scopes=wanted,
        expires_at=timezone.now() + timedelta(days=days) if days else None,
    )
    token.full_clean()
    token.save(force_insert=True)
    record(
        user,
        "token.create",
        "token",
        token.pk,
        str(token),
        after={"owner": user.username, "scopes": wanted, "expires_at": token.expires_at},
    )
    return token, secret


@transaction.atomic
def token_revoke(*, token: ApiToken, by: User) -> None:
    pk, label, owner = token.pk, str(token), token.user.username
    if ApiToken.objects.filter(pk=pk).delete()[0]:
        record(by, "token.revoke", "token", pk, label, before={"owner": owner})


def token_touch(token: ApiToken) -> None:
    """Note the use, at most once a minute: reading through the API must not write all the time."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - TOUCH_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


# ---- the door -----------------------------------------------------------------------------------


def signed_in(user: User) -> None:
    record(user, "session.start", "person", user.pk, user.username)


def sign_in_paused(username: str, tries: int) -> None:
    """Somebody guessed too often.  A name that nobody has is not kept: it may be a password typed
    into the wrong field."""
    person = User.objects.filter(username=username).first()
    record(
        None,
        "session.refuse",
        "person",
        person.pk if person else "",
        person.username if person else "",
        after={"tries": tries, "known": person is not None},
    )


# ---- people -------------------------------------------------------------------------------------


@transaction.atomic
def person_create(
    *,
    by: User | None,
    username: str,
    display_name: str = "",
    roles: Iterable[str] = (),
    password: str = "",
) -> tuple[User, str]:
    """A new person and the first password (random unless given), to be handed over once.

    Raises RuleViolation (unknown role) or ValidationError (user name or password).
    """
    groups = _groups(roles)
    password = password or new_password()
    user = User(username=username.strip().lower(), display_name=display_name.strip())
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save(force_insert=True)
    user.groups.set(groups)
    record(
        by,
        "person.create",
        "person",
        user.pk,
        user.username,
        after={"name": user.display_name, "roles": sorted(group.name for group in groups)},
    )
    return user, password


@transaction.atomic
def person_change(
    *,
    by: User | None,
    person: User,
    display_name: str | None = None,
    roles: Iterable[str] | None = None,
    active: bool | None = None,
    reason: str = "",
) -> User:
    """Change what is given, leave the rest.  Raises RuleViolation if nobody would be left who can
    manage people."""
    _one_at_a_time()
    person = User.objects.select_for_update().get(pk=person.pk)
    before = _seen(person)
    if display_name is not None:
        person.display_name = display_name.strip()
    if active is not None:
        person.is_active = active
    person.full_clean()
    person.save(update_fields=["display_name", "is_active"])
    if roles is not None:
        person.groups.set(_groups(roles))
    if not administrators().exists():
        raise RuleViolation(
            _("Somebody must stay administrator. Make another person administrator first."),
            field="roles" if roles is not None else "",
        )
    after = _seen(person)
    if after != before:
        record(
            by,
            "person.change",
            "person",
            person.pk,
            person.username,
            before=before,
            after=after,
            reason=reason,
        )
    return User.objects.get(pk=person.pk)


@transaction.atomic
def person_password(*, by: User, person: User, password: str = "") -> str:
    """Give `person` a new password (random unless given); sessions of the old one end."""
    password = password or new_password()
    validate_password(password, person)
    person.set_password(password)
    person.save(update_fields=["password"])
    record(by, "person.password", "person", person.pk, person.username)
    return password


def preferences_save(
    *,
    user: User,
    language: str | None = None,
    theme: str | None = None,
    timezone_name: str | None = None,
    display_name: str | None = None,
) -> None:
    """The person's own taste; not worth an event except for the name."""
    given: dict[str, Any] = {
        "language": language,
        "theme": theme,
        "timezone": timezone_name,
        "display_name": display_name,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    before = user.display_name
    for name, value in fields.items():
        setattr(user, name, value)
    with transaction.atomic():
        user.save(update_fields=list(fields))
        if user.display_name != before:
            record(
                user,
                "person.change",
                "person",
                user.pk,
                user.username,
                before={"name": before},
                after={"name": user.display_name},
            )


def new_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _seen(person: User) -> dict[str, Any]:
    names = person.groups.order_by("name").values_list("name", flat=True)
    return {"name": person.display_name, "roles": list(names), "active": person.is_active}


def _groups(roles: Iterable[str]) -> list[Group]:
    wanted = set(roles)
    for name in sorted(wanted - set(Role)):
        raise RuleViolation(_("There is no role “%(name)s”.") % {"name": name}, field="roles")
    return [Group.objects.get_or_create(name=name)[0] for name in sorted(wanted)]


def _one_at_a_time() -> None:
    """Two administrators who demote each other at the same moment must not both succeed."""
    Group.objects.select_for_update().get_or_create(name=Role.ADMINISTRATOR)
