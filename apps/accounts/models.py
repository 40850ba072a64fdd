"""People and their API tokens."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, Group, UserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.accounts import permissions
from apps.accounts.permissions import Role


class People(UserManager["User"]):
    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **extra_fields: Any,
    ) -> User:
        """`manage.py createsuperuser` makes an administrator: rights come from roles only."""
        user = super().create_superuser(username, email, password, **extra_fields)
        user.groups.add(Group.objects.get(name=Role.ADMINISTRATOR))
        return user


class Theme(models.TextChoices):
    SYSTEM = "", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


def themes() -> list[tuple[str, Any]]:
    return Theme.choices


class User(AbstractUser):
    """A person who may sign in.  Never deleted, only disabled: the audit record names them."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    language = models.CharField(
        _("language"), max_length=16, blank=True
    )  # "" = as the browser asks
    theme = models.CharField(_("theme"), max_length=8, blank=True, choices=themes)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True)  # "" = as the server

    # Set by the bearer authentication for one request; empty = not narrowed.
    token_scopes: frozenset[str] = frozenset()

    objects: ClassVar[People] = People()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_user_one_name",
                violation_error_message=_("Someone already has this user name."),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def get_short_name(self) -> str:
        return self.display_name or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of the person's groups, read once per instance."""
        return frozenset(group.name for group in self.groups.all())

    @property
    def role_words(self) -> list[str]:
        """The roles in the reader's language, in the order of the table."""
        return [str(words) for role, words in permissions.ROLE_WORDS.items() if role in self.roles]

    def can(self, capability: str) -> bool:
        return permissions.can(self, capability)


class ApiToken(models.Model):
    """A secret that acts as its person.  Only its digest is kept; the secret is shown once."""

    PREFIX = "sdc_"
    SHOWN = 10  # characters of the secret that lists show, so that a person recognises it

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=SHOWN)
    sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list, blank=True)  # capabilities; empty = all of the person's
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                name="accounts_token_one_name",
                violation_error_message=_("You already have a token of this name."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @classmethod
    def new_secret(cls) -> str:
        """256 random bits in URL-safe letters; secret scanners know them by the prefix."""
        return cls.PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest(secret: str) -> str:
        """A plain digest is enough: the secret is random, there is nothing to guess."""
        return hashlib.sha256(secret.encode()).hexdigest()
