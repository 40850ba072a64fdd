"""Lists: sort, filter, search and page on the server, with all of the state in the URL.

A wish that makes no sense (unknown sort, page 9999, a filter's made-up value) is ignored, never an
error: links are old, shared and edited by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise

M = TypeVar("M", bound=Model)

# Beyond it a total is "10000+": nobody pages that far, and no query counts a million rows.
COUNT_CAP = 10_000
QUERY_MAX = 200  # characters of a search
WORDS_MAX = 6
Choice = tuple[str, Any]
Lookup = str | Callable[[Any, list[str]], Any]


@dataclass(frozen=True)
class Filter:
    """One filter button.  `choices` are (value, words), or a function giving them when they come
    from the database; `lookup` is a field path for `__in`, or (queryset, values) -> queryset."""

    key: str
    label: str | Promise
    choices: Sequence[Choice] | Callable[[], Iterable[Choice]]
    lookup: Lookup = ""
    icon: str = "filter"
    single: bool = False

    def narrow(self, queryset: Any, values: list[str]) -> Any:
        if callable(self.lookup):
            return self.lookup(queryset, values)
        return queryset.filter(**{f"{self.lookup or self.key}__in": values})


@dataclass(frozen=True)
class Option:
    value: str
    words: Any
    chosen: bool
    url: str  # the list with this option turned over


@dataclass(frozen=True)
class Shown:
    """A filter as it stands on the page."""

    key: str
    label: Any
    icon: str
    options: list[Option]
    clear_url: str

    @property
    def chosen(self) -> list[Option]:
        return [option for option in self.options if option.chosen]

    @property
    def words(self) -> str:
        """The chosen options in words; three and the rest as a number."""
        named = [str(option.words) for option in self.chosen]
        return ", ".join(named[:3]) + (f" +{len(named) - 3}" if len(named) > 3 else "")


@dataclass(frozen=True)
class Sort:
    order: str  # "ascending", "descending" or "" (aria-sort of the column)
    url: str


@dataclass(frozen=True)
class Page:
    """Which rows are shown: `first` to `last` of the list's total."""

    number: int
    first: int
    last: int
    previous_url: str
    next_url: str


class Listing(Generic[M]):
    """`Listing(request, queryset, sorts={"name": "name"}, default_sort="-updated_at", …)`.

    sorts: URL name -> field path, or a tuple of them; only these may be asked for.  `default_sort`
    is a URL name with "-" for descending, or a field path of its own.  `search` are field paths
    matched by every word.  `keep` are further GET names of the page that its links carry along.
    """

    def __init__(
        self,
        request: HttpRequest,
        queryset: QuerySet[M],
        *,
        sorts: dict[str, str | tuple[str, ...]] | None = None,
        default_sort: str = "-pk",
        filters: Sequence[Filter] = (),
        search: Sequence[str] = (),
        page_size: int = 50,
        keep: Sequence[str] = (),
    ) -> None:
        self.request = request
        self.queryset = queryset
        self.sorts_by = sorts or {}
        self.default_sort = default_sort
        self.filters_by = filters
        self.search = search
        self.page_size = page_size
        self.keep = keep

    # ---- what the URL asks for ------------------------------------------------------------------
    @cached_property
    def query(self) -> str:
        # PostgreSQL text holds no NUL; such a search can only find nothing.
        return self.request.GET.get("q", "").replace("\x00", "").strip()[:QUERY_MAX]

    @cached_property
    def _sort(self) -> str:
        asked = self.request.GET.get("sort", "")
        return asked if asked.removeprefix("-") in self.sorts_by else self.default_sort

    @cached_property
    def _choices(self) -> dict[str, list[Choice]]:
        return {
            one.key: [
                (str(value), words)
                for value, words in (one.choices() if callable(one.choices) else one.choices)
            ]
            for one in self.filters_by
        }

    @cached_property
    def _chosen(self) -> dict[str, list[str]]:
        """Filter key -> values asked for that the filter really offers, in the choices' order."""
        chosen = {}
        for one in self.filters_by:
            asked = set(self.request.GET.getlist(one.key))
            values = [value for value, _words in self._choices[one.key] if value in asked]
            if values:
                chosen[one.key] = values[:1] if one.single else values
        return chosen

    @cached_property
    def _page_number(self) -> int:
        asked = self.request.GET.get("page", "1")
        if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
            return 1
        return max(1, min(int(asked), -(-COUNT_CAP // self.page_size)))

    # ---- what it finds ----------------------------------------------------------------------
    @cached_property
    def _found(self) -> QuerySet[M]:
        found: Any = self.queryset
        for one in self.filters_by:
            if one.key in self._chosen:
                found = one.narrow(found, self._chosen[one.key])
        if self.query and self.search:
            for word in self.query.split()[:WORDS_MAX]:
                anywhere = Q()
                for path in self.search:
                    anywhere |= Q(**{f"{path}__icontains": word})
                found = found.filter(anywhere)
        return found  # type: ignore[no-any-return]

    @property
    def found(self) -> QuerySet[M]:
        """Every row that fits the wish, of all pages and in no order: for exports."""
        return self._found

    @cached_property
    def _ordered(self) -> QuerySet[M]:
        name, minus = self._sort.removeprefix("-"), self._sort.startswith("-")
        paths = self.sorts_by.get(name, name)
        turned = [
            path.removeprefix("-")
            if path.startswith("-") == minus
            else "-" + path.removeprefix("-")
            for path in ((paths,) if isinstance(paths, str) else paths)
        ]
        # A last word by primary key: equal rows must not change places from page to page.
        return self._found.order_by(
            *turned, *([] if "pk" in turned or "-pk" in turned else ["-pk"])
        )

    @cached_property
    def total(self) -> int:
        """How many rows fit the wish, at most COUNT_CAP + 1; `total_words` says it."""
        return self._found.order_by()[: COUNT_CAP + 1].count()

    @property
    def total_words(self) -> str:
        return f"{COUNT_CAP}+" if self.total > COUNT_CAP else str(self.total)

    @cached_property
    def _last_page(self) -> int:
        return max(1, -(-min(self.total, COUNT_CAP) // self.page_size))

    @cached_property
    def rows(self) -> list[M]:
        start = (self.page.number - 1) * self.page_size
        return list(self._ordered[start : start + self.page_size])

    @cached_property
    def page(self) -> Page:
        number = min(self._page_number, self._last_page)
        first = (number - 1) * self.page_size
        last = min(first + self.page_size, self.total)
        return Page(
            number=number,
            first=first + 1 if self.total else 0,
            last=last,
            previous_url=self.url(page=number - 1) if number > 1 else "",
            next_url=self.url(page=number + 1) if number < self._last_page else "",
        )

    @cached_property
    def empty_because(self) -> str:
        """Why no row is shown: "" (rows are), "search", "filter", or "nothing" exists at all."""
        if self.total:
            return ""
        if self.query:
            return "search"
        return "filter" if self._chosen else "nothing"

    # ---- what the page shows ----------------------------------------------------------------
    @cached_property
    def sorts(self) -> dict[str, Sort]:
        current, minus = self._sort.removeprefix("-"), self._sort.startswith("-")
        return {
            name: Sort(
                order="" if name != current else "descending" if minus else "ascending",
                url=self.url(sort=f"-{name}" if name == current and not minus else name),
            )
            for name in self.sorts_by
        }

    @cached_property
    def filters(self) -> list[Shown]:
        return [
            Shown(
                key=one.key,
                label=one.label,
                icon=one.icon,
                options=[
                    self._option(one, value, words) for value, words in self._choices[one.key]
                ],
                clear_url=self.url(**{one.key: []}),
            )
            for one in self.filters_by
        ]

    def _option(self, one: Filter, value: str, words: Any) -> Option:
        chosen = self._chosen.get(one.key, [])
        turned = [v for v in chosen if v != value] if value in chosen else [*chosen, value]
        if one.single and value not in chosen:
            turned = [value]
        return Option(value, words, value in chosen, self.url(**{one.key: turned}))

    @property
    def narrowed(self) -> bool:
        return bool(self.query or self._chosen)

    @property
    def clear_url(self) -> str:
        """The list without search and filters."""
        return self.url(q="", **{one.key: [] for one in self.filters_by})

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What a plain search form must carry along."""
        state = self._state()
        state.pop("q", None)
        return [(key, value) for key, values in state.lists() for value in values]

    def _state(self) -> QueryDict:
        """The URL's state as understood, in a fixed order and without what is at rest."""
        state = QueryDict(mutable=True)
        for name in self.keep:
            if name in self.request.GET:
                state.setlist(name, self.request.GET.getlist(name))
        for key, values in self._chosen.items():
            state.setlist(key, values)
        if self.query:
            state["q"] = self.query
        if self._sort != self.default_sort:
            state["sort"] = self._sort
        return state

    def url(self, **changes: str | int | list[str]) -> str:
        """This list with `changes`; a page number survives no other change."""
        state = self._state()
        for key, value in changes.items():
            if value in ("", []) or (key == "page" and value == 1):
                state.pop(key, None)
            elif isinstance(value, list):
                state.setlist(key, value)
            else:
                state[key] = str(value)
        if state.get("sort") == self.default_sort:
            state.pop("sort")
        return f"{self.request.path}?{state.urlencode()}"


def listing_page(
    request: HttpRequest, page: str, context: dict[str, Any], partial: str = "rows"
) -> HttpResponse:
    """The whole page, or only its `{% partialdef rows %}` when htmx swaps `#rows`.

    One URL, two answers: caches are told by Vary.  A history restore wants the whole page.
    """
    asked = request.headers.get("HX-Request") == "true"
    target = request.headers.get("HX-Target", "").rpartition("#")[2]
    restore = request.headers.get("HX-History-Restore-Request") == "true"
    name = f"{page}#{partial}" if asked and target == partial and not restore else page
    answer = render(request, name, context)
    patch_vary_headers(answer, ["HX-Request", "HX-Target"])
    return answer
