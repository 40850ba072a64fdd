"""Doors: signing in, one's own settings, and people for administrators."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.forms import BaseForm, Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors, services, throttle
from apps.accounts.forms import (
    PersonChangeForm,
    PersonForm,
    PreferencesForm,
    SignInForm,
    TokenForm,
)
from apps.accounts.models import ApiToken, User
from apps.accounts.permissions import CAPABILITIES, ROLE_WORDS, Role, can, capabilities_of, requires
from apps.core.access import Refused
from apps.core.context import THEME_COOKIE
from apps.core.errors import RuleViolation
from apps.core.listing import Filter, Listing, listing_page
from apps.core.preferences import YEAR_S

GET_AND_POST = ["GET", "HEAD", "POST"]


def _me(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # LoginRequiredMiddleware lets nobody else in
    return request.user


def _blame(form: Form, wrong: RuleViolation | ValidationError) -> None:
    if isinstance(wrong, RuleViolation):
        form.add_error(wrong.field if wrong.field in form.fields else None, wrong.message)
    elif hasattr(wrong, "error_dict"):
        for field, said in wrong.error_dict.items():
            form.add_error(field if field in form.fields else None, said)
    else:
        form.add_error(None, wrong)


# ---- the door -----------------------------------------------------------------------------------


class SignIn(LoginView):
    """Django's view; a refused try is 422, a pause 429 with Retry-After."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        answer = self.render_to_response(self.get_context_data(form=form), status=422)
        pause = form.pause if isinstance(form, SignInForm) else None
        if pause:
            answer.status_code = 429
            answer.headers["Retry-After"] = str(pause.wait_s)
            if pause.fresh:
                services.sign_in_paused(str(form.cleaned_data.get("username", "")), throttle.TRIES)
        return answer

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        services.signed_in(_me(self.request))
        return answer


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view(next_page="login")


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 in words: what is missing, and who can grant it."""
    capability = exception.capability if isinstance(exception, Refused) else ""
    context = {
        "capability": CAPABILITIES[capability].words if capability else "",
        "granted_by": selectors.who_can(capability) if capability else "",
    }
    answer = render(request, "403.html", context, status=403)
    if request.headers.get("HX-Request"):
        # A whole page must not end up inside the fragment that was asked for.
        answer.headers["HX-Retarget"] = "body"
        answer.headers["HX-Reswap"] = "innerHTML"
    return answer


# ---- one's own settings -------------------------------------------------------------------------


def _settings_page(request: HttpRequest, status: int = 200, **context: Any) -> HttpResponse:
    user = _me(request)
    stored = {
        "display_name": user.display_name,
        "language": user.language,
        "theme": user.theme,
        "timezone": user.timezone,
    }
    context = {
        "preferences": PreferencesForm(initial=stored),
        "token_form": TokenForm(user, initial={"days": "90"}),
        "tokens": selectors.token_list(user),
        "roles": selectors.listed(user.role_words),
        "may_manage": can(user, "account.manage"),
        "rights": [CAPABILITIES[name].words for name in capabilities_of(user)],
        **context,
    }
    return render(request, "accounts/settings.html", context, status=status)


@require_http_methods(GET_AND_POST)
@requires("console.view")
@never_cache
def settings_page(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _settings_page(request)
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _settings_page(request, 422, preferences=form)
    chosen = form.cleaned_data
    services.preferences_save(
        user=_me(request),
        display_name=chosen["display_name"],
        language=chosen["language"],
        theme=chosen["theme"],
        timezone_name=chosen["timezone"],
    )
    messages.success(request, _("Saved."))
    answer = redirect("settings")
    # The cookies are what this browser was told last; they must not contradict the account.
    _tell_browser(answer, settings.LANGUAGE_COOKIE_NAME, chosen["language"])
    _tell_browser(answer, THEME_COOKIE, chosen["theme"] or "system")
    return answer


def _tell_browser(answer: HttpResponse, cookie: str, value: str) -> None:
    if value:
        answer.set_cookie(
            cookie, value, max_age=YEAR_S, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    else:
        answer.delete_cookie(cookie)


@require_POST
@requires("token.own")
@never_cache
def token_create(request: HttpRequest) -> HttpResponse:
    """Answers with the page, not a redirect: the secret is kept nowhere, it is shown here once."""
    form = TokenForm(_me(request), request.POST)
    if form.is_valid():
        try:
            token, secret = services.token_create(user=_me(request), **form.cleaned_data)
        except (RuleViolation, ValidationError) as wrong:
            _blame(form, wrong)
        else:
            return _settings_page(request, 201, new_token=token, secret=secret)
    return _settings_page(request, 422, token_form=form)


@require_POST
@requires("token.own")
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=_me(request))
    services.token_revoke(token=token, by=_me(request))
    messages.success(
        request, _("Token “%(name)s” is revoked; it stops working at once.") % {"name": token.name}
    )
    return redirect("settings")


@require_http_methods(GET_AND_POST)
@requires("console.view")
@never_cache
def password_change(request: HttpRequest) -> HttpResponse:
    user = _me(request)
    form = PasswordChangeForm(user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        services.person_password(by=user, person=user, password=form.cleaned_data["new_password1"])
        update_session_auth_hash(request, user)  # this browser stays, all others are signed out
        messages.success(request, _("Your password is changed; other browsers are signed out."))
        return redirect("settings")
    context = {"form": form}
    return render(
        request, "accounts/password_change.html", context, status=422 if form.is_bound else 200
    )


# ---- people, for administrators -----------------------------------------------------------------


@require_safe
@requires("account.manage")
def person_list(request: HttpRequest) -> HttpResponse:
    listing = Listing(
        request,
        selectors.person_list(),
        sorts={
            "name": "display_name",
            "username": "username",
            "last_login": "last_login",
            "joined": "date_joined",
        },
        default_sort="username",
        filters=[
            Filter("role", _("Role"), [(r.value, ROLE_WORDS[r]) for r in Role], "groups__name"),
            Filter(
                "state",
                _("State"),
                [("True", _("May sign in")), ("False", _("Disabled"))],
                "is_active",
            ),
        ],
        search=["username", "display_name"],
    )
    return listing_page(
        request, "accounts/person_list.html", {"listing": listing, "may_manage": True}
    )


@require_http_methods(GET_AND_POST)
@requires("account.manage")
@never_cache
def person_create(request: HttpRequest) -> HttpResponse:
    """Like a token, the first password is shown once, in the answer itself."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            person, password = services.person_create(by=_me(request), **form.cleaned_data)
        except (RuleViolation, ValidationError) as wrong:
            _blame(form, wrong)
        else:
            return _person_page(request, person, 201, password=password)
    context = {"form": form}
    return render(
        request, "accounts/person_create.html", context, status=422 if form.is_bound else 200
    )


def _person_page(
    request: HttpRequest, person: User, status: int = 200, **context: Any
) -> HttpResponse:
    shown = {
        "display_name": person.display_name,
        "roles": sorted(person.roles),
        "active": person.is_active,
    }
    context = {
        "person": person,
        "form": PersonChangeForm(initial=shown),
        "rights": selectors.listed(CAPABILITIES[name].words for name in capabilities_of(person)),
        "tokens": selectors.token_list(person),
        "myself": person.pk == request.user.pk,
        "may_manage": True,
        "may_read_audit": can(_me(request), "audit.read"),
        **context,
    }
    return render(request, "accounts/person_detail.html", context, status=status)


@require_http_methods(GET_AND_POST)
@requires("account.manage")
@never_cache
def person_detail(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(selectors.person_list(), pk=pk)
    if request.method != "POST":
        return _person_page(request, person)
    form = PersonChangeForm(request.POST)
    if form.is_valid():
        try:
            services.person_change(by=_me(request), person=person, **form.cleaned_data)
        except (RuleViolation, ValidationError) as wrong:
            _blame(form, wrong)
        else:
            messages.success(request, _("Saved."))
            return redirect("person-detail", pk)
    return _person_page(request, person, 422, form=form)


@require_POST
@requires("account.manage")
@never_cache
def person_password(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=pk)
    password = services.person_password(by=_me(request), person=person)
    return _person_page(request, person, 201, password=password)


@require_POST
@requires("account.manage")
def person_token_revoke(request: HttpRequest, pk: int, token_pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=token_pk, user_id=pk)
    services.token_revoke(token=token, by=_me(request))
    messages.success(
        request, _("Token “%(name)s” is revoked; it stops working at once.") % {"name": token.name}
    )
    return redirect("person-detail", pk)
