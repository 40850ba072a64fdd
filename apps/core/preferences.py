"""What a person chose in the top bar: language, theme, environment.  Plain POSTs that come back to
the page they were sent from; kept in a cookie, the first two also on the account."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.views.decorators.http import require_POST

from apps.core.context import ENVIRONMENT_COOKIE, THEME_COOKIE, THEMES

YEAR_S = 365 * 24 * 3600


def _back(request: HttpRequest) -> HttpResponse:
    """To the page the form stood on, never to another site; 204 when a script asked."""
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    for where in (request.POST.get("next", ""), request.headers.get("Referer", "")):
        if where and url_has_allowed_host_and_scheme(
            where, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return HttpResponseRedirect(where)
    return HttpResponseRedirect("/")


def _keep(answer: HttpResponse, cookie: str, value: str) -> None:
    answer.set_cookie(
        cookie, value, max_age=YEAR_S, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )


def _store(request: HttpRequest, field: str, value: str) -> None:
    if request.user.is_authenticated:
        get_user_model()._default_manager.filter(pk=request.user.pk).update(**{field: value})


@login_not_required  # the door has a language and a theme too
@require_POST
def language_choose(request: HttpRequest) -> HttpResponse:
    answer = _back(request)
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        _keep(answer, settings.LANGUAGE_COOKIE_NAME, language)
        _store(request, "language", language)
    return answer


@login_not_required
@require_POST
def theme_choose(request: HttpRequest) -> HttpResponse:
    answer = _back(request)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        _keep(answer, THEME_COOKIE, theme)
        _store(request, "theme", "" if theme == "system" else theme)
    return answer


@require_POST
def environment_choose(request: HttpRequest) -> HttpResponse:
    """An empty choice is "all environments"."""
    answer = _back(request)
    chosen = request.POST.get("environment", "")
    if chosen.isascii() and chosen.isdigit():
        _keep(answer, ENVIRONMENT_COOKIE, chosen)
    else:
        answer.delete_cookie(ENVIRONMENT_COOKIE)
    return answer
