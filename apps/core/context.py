"""What the shell of every page shows: navigation with counts, environments, theme, version.

Apps above hand in their numbers by `count_register` in AppConfig.ready(); this floor knows none of
them.  Everything here is lazy: a fragment that draws no shell asks no query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, get_script_prefix, resolve
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from apps.core.access import allowed

THEMES = ("system", "light", "dark")
THEME_COOKIE = "sdc_theme"
ENVIRONMENT_COOKIE = "sdc_environment"


@dataclass(frozen=True)
class Count:
    """A number beside a navigation entry.  `state`: "" quiet, "warn", "bad"; `title` says what is
    counted."""

    number: int
    state: str = ""
    title: str | Promise = ""


@dataclass(frozen=True)
class Entry:
    """One line of the navigation; it shows once its path resolves and the person may see it."""

    key: str
    path: str
    icon: str
    label: str | Promise
    capability: str = "console.view"
    letter: str = ""  # g + letter goes there


OVERVIEW = Entry("overview", "", "layout-dashboard", _("Overview"), letter="o")
FLOW = (
    Entry("environments", "environments/", "map-pin", _("Environments"), letter="e"),
    Entry("models", "models/", "box-model-2", _("Models"), letter="m"),
    Entry("gpu", "gpu/", "cpu", "GPU", letter="p"),
    Entry("deployments", "deployments/", "rocket", _("Deployments"), letter="d"),
    Entry("gateway", "gateway/", "route", _("Gateway"), letter="w"),
    Entry("generate", "generate/", "photo", _("Generate"), letter="i"),
    Entry(
        "moderation", "moderation/", "shield-check", _("Moderation"), "moderation.view", letter="q"
    ),
)
RECORDS = (
    Entry("runs", "runs/", "list-check", _("Runs"), letter="r"),
    Entry("drift", "drift/", "git-compare", _("Drift"), letter="f"),
    Entry("audit", "audit/", "history", _("Audit"), "audit.read", letter="a"),
    Entry("settings", "settings/", "settings", _("Settings"), letter="s"),
)

CountOf = Callable[[Any], Count | None]
_COUNTS: dict[str, CountOf] = {}
_environments: Callable[[], list[Any]] = list


def count_register(key: str, count: CountOf) -> None:
    """`count(user)` gives the number beside entry `key` ("deployments", ...) or "needs-me".

    Asked once for every page drawn: one indexed query, and none that counts a whole table.
    """
    _COUNTS[key] = count


def environments_register(listing: Callable[[], list[Any]]) -> None:
    """`listing()` gives the environments of the switch, each with pk, name, stage and region."""
    global _environments
    _environments = listing


@cache
def _leads_somewhere(path: str, urlconf: str) -> bool:
    try:
        resolve("/" + path, urlconf)
    except Resolver404:
        return False
    return True


@dataclass(frozen=True)
class Link:
    """An entry as this person sees it on this page."""

    entry: Entry
    href: str
    current: bool
    user: Any

    @property
    def count(self) -> Count | None:
        return _count(self.entry.key, self.user)


def _count(key: str, user: Any) -> Count | None:
    counter = _COUNTS.get(key)
    return counter(user) if counter else None


def _links(request: HttpRequest, entries: tuple[Entry, ...]) -> list[Link]:
    here = request.path_info.lstrip("/")
    user = request.user
    return [
        Link(
            entry,
            get_script_prefix() + entry.path,
            here == entry.path or bool(entry.path and here.startswith(entry.path)),
            user,
        )
        for entry in entries
        if _leads_somewhere(entry.path, settings.ROOT_URLCONF) and allowed(user, entry.capability)
    ]


class Shell:
    """The `shell` of a template: each part is asked for once, when it is drawn."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.version = settings.VERSION

    @property
    def overview(self) -> list[Link]:
        return _links(self._request, (OVERVIEW,))

    @property
    def flow(self) -> list[Link]:
        return _links(self._request, FLOW)

    @property
    def records(self) -> list[Link]:
        return _links(self._request, RECORDS)

    @property
    def everything(self) -> list[Link]:
        return [*self.overview, *self.flow, *self.records]

    @property
    def needs_me(self) -> Count:
        return _count("needs-me", self._request.user) or Count(0)

    @cached_property
    def environments(self) -> list[Any]:
        return _environments()

    @property
    def environment(self) -> Any | None:
        """The environment chosen in the top bar; None = all."""
        chosen = environment_chosen(self._request)
        return next((one for one in self.environments if one.pk == chosen), None)

    @property
    def theme(self) -> str:
        return theme_of(self._request)

    @property
    def initials(self) -> str:
        """One letter or one Han character for the avatar."""
        return str(self._request.user)[:1]


def theme_of(request: HttpRequest) -> str:
    """The cookie wins over the account: it is what this browser was told last."""
    user = getattr(request, "user", None)
    for wish in (request.COOKIES.get(THEME_COOKIE), getattr(user, "theme", "")):
        if wish in THEMES:
            return wish
    return "system"


def environment_chosen(request: HttpRequest) -> int | None:
    """Primary key of the environment that lists narrow themselves to; None = all."""
    chosen = request.COOKIES.get(ENVIRONMENT_COOKIE, "")
    return int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 10 else None


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": SimpleLazyObject(lambda: Shell(request))}
