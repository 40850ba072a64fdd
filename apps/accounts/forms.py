"""Shapes of input about people."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.accounts import throttle
from apps.accounts.models import User, themes
from apps.accounts.permissions import CAPABILITIES, ROLE_EXPLAINED, ROLE_WORDS, Role, can
from apps.core.middleware import client_address

LIVES = [
    ("30", _("30 days")),
    ("90", _("90 days")),
    ("365", _("1 year")),
    ("", _("until revoked")),
]


class SignInForm(AuthenticationForm):
    """Django's, which says the same about a wrong name and a wrong password, with a pause after too
    many tries."""

    pause: throttle.Pause | None = None

    def clean(self) -> dict[str, Any]:
        username, ip = self.cleaned_data.get("username", ""), None
        if self.request is not None:
            ip = client_address(self.request)
        self.pause = throttle.take_try(username, ip)
        if self.pause:
            minutes = -(-self.pause.wait_s // 60)
            raise ValidationError(
                ngettext(
                    "Too many failed sign-ins with this name from here. Wait %(minutes)d minute.",
                    "Too many failed sign-ins with this name from here. Wait %(minutes)d minutes.",
                    minutes,
                )
                % {"minutes": minutes},
                code="locked",
            )
        cleaned = super().clean()
        throttle.forget(username, ip)
        return cleaned


class PreferencesForm(forms.Form):
    display_name = forms.CharField(label=_("Name"), max_length=80, required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    theme = forms.ChoiceField(label=_("Theme"), choices=themes, required=False)
    timezone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language, zone = self.fields["language"], self.fields["timezone"]
        assert isinstance(language, forms.ChoiceField) and isinstance(zone, forms.ChoiceField)
        language.choices = [("", _("As the browser asks")), *OWN_NAMES]
        zones = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
        zone.choices = [
            ("", _("As the server: %(zone)s") % {"zone": settings.TIME_ZONE}),
            ("UTC", "UTC"),
            *((name, name.replace("_", " ")) for name in zones if not name.startswith("Etc/")),
        ]


# A language is named in itself, so that whoever needs it can read it.
OWN_NAMES = [("zh-hans", "简体中文"), ("en", "English")]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What the token is for, e.g. nightly export.")
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"), choices=LIVES, coerce=int, empty_value=None, required=False
    )
    scopes = forms.MultipleChoiceField(
        label=_("Only these rights"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked = all the rights you hold."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [
            (name, capability.words) for name, capability in CAPABILITIES.items() if can(user, name)
        ]


def role_choices() -> list[tuple[str, str]]:
    """Each role with what it may do."""
    return [
        (role.value, format_html("{}<small>{}</small>", ROLE_WORDS[role], ROLE_EXPLAINED[role]))
        for role in Role
    ]


class RolesField(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple


class PersonForm(forms.Form):
    username = forms.CharField(
        label=_("User name"), max_length=150, help_text=_("Small letters, digits and @ . + - _")
    )
    display_name = forms.CharField(label=_("Name"), max_length=80, required=False)
    roles = RolesField(label=_("Roles"), choices=role_choices, required=False)


class PersonChangeForm(forms.Form):
    display_name = forms.CharField(label=_("Name"), max_length=80, required=False)
    roles = RolesField(label=_("Roles"), choices=role_choices, required=False)
    active = forms.BooleanField(label=_("May sign in"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=300, required=False)
