"""A list over rows of several tables, gathered in memory: for what is rare, such as drift."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from apps.core.listing import COUNT_CAP, WORDS_MAX, Filter, Listing


class Gathered(Listing[Any]):
    """Like Listing over `items`: sorts and search name attributes (an empty sort value comes
    first), and each filter's lookup narrows a list."""

    def __init__(
        self,
        request: HttpRequest,
        items: Sequence[Any],
        *,
        sorts: dict[str, str | tuple[str, ...]],
        default_sort: str,
        filters: Sequence[Filter],
        search: Sequence[str],
    ) -> None:
        super().__init__(
            request,
            items,  # type: ignore[arg-type]
            sorts=sorts,
            default_sort=default_sort,
            filters=filters,
            search=search,
        )

    @cached_property
    def _found(self) -> list[Any]:  # type: ignore[override]
        found: list[Any] = list(self.queryset)
        for one in self.filters_by:
            if one.key in self._chosen:
                found = one.narrow(found, self._chosen[one.key])
        for word in self.query.casefold().split()[:WORDS_MAX]:
            found = [
                item
                for item in found
                if any(word in str(getattr(item, name)).casefold() for name in self.search)
            ]
        return found

    @cached_property
    def _ordered(self) -> list[Any]:  # type: ignore[override]
        name, minus = self._sort.removeprefix("-"), self._sort.startswith("-")
        paths = self.sorts_by[name]
        names = (paths,) if isinstance(paths, str) else paths

        def rank(item: Any) -> list[tuple[bool, Any]]:
            values = [getattr(item, one) for one in names]
            return [(value is not None, value or "") for value in values]

        return sorted(self._found, key=rank, reverse=minus)

    @cached_property
    def total(self) -> int:
        return min(len(self._found), COUNT_CAP + 1)
