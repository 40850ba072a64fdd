"""What is named by a string is there: functions for workers, kinds, pages, actions."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import textwrap
import types
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils.module_loading import import_string

from apps.core.kinds import Kind, all_kinds
from tests.house.source import ROOT, modules, short, tree

KINDS = sorted(all_kinds(), key=lambda kind: kind.name)
OURS = [kind for kind in KINDS if kind.model.__module__.startswith("apps.")]


def kind_id(kind: Kind) -> str:
    return kind.name


# ---- functions that workers call by name ---------------------------------------------------------


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """(where, call) of every `name(...)` or `x.name(...)` in apps/."""
    for path in modules("apps"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
                if (called.id if isinstance(called, ast.Name) else called) == name:
                    yield f"{short(path)}:{node.lineno}", node


def text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


WAKES = [(where, call) for where, call in calls("wake") if text(call.args[1])]


def test_the_walk_finds_wake_ups() -> None:
    assert any(where.startswith("apps/core/workqueue.py") for where, _ in WAKES)


@pytest.mark.parametrize(("where", "call"), WAKES, ids=lambda value: str(value)[:60])
def test_who_is_woken_is_there_and_takes_what_is_sent(where: str, call: ast.Call) -> None:
    function = import_string(text(call.args[1]) or "")
    inspect.signature(function).bind(*call.args[2:])
    queue = text(call.args[0])
    assert queue is None or queue in settings.QUEUES, where


@pytest.mark.parametrize(("name", "every_s", "dotted", "queue"), settings.SCHEDULE)
def test_periodic_work_is_there_and_asks_for_nothing(
    name: str, every_s: float, dotted: str, queue: str
) -> None:
    inspect.signature(import_string(dotted)).bind()
    assert every_s > 0
    assert queue in settings.QUEUES


def test_periodic_work_has_names_of_its_own() -> None:
    names = [entry[0] for entry in settings.SCHEDULE]
    assert len(names) == len(set(names))


def test_rings_name_kinds_that_exist() -> None:
    rung = {text(call.args[0]) for _, call in calls("ring") if call.args} - {None}
    assert rung <= {kind.name for kind in KINDS}


# ---- kinds --------------------------------------------------------------------------------------


def test_no_model_belongs_to_two_kinds() -> None:
    models = [kind.model for kind in KINDS]
    assert len(models) == len(set(models))


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_a_kind_has_a_queue_with_workers(kind: Kind) -> None:
    assert kind.queue in settings.QUEUES


@pytest.mark.parametrize("kind", OURS, ids=kind_id)
def test_a_kind_has_a_word_and_a_page(kind: Kind) -> None:
    assert str(kind.label)
    if not kind.page:  # what has no page of its own stands in a list: tests/house/test_rows.py
        assert hasattr(kind.model, "get_absolute_url")
        return
    assert kind.page in {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    with pytest.raises(NoReverseMatch):
        reverse(kind.page)  # the page of one row asks which


@pytest.mark.parametrize("kind", OURS, ids=kind_id)
def test_columns_that_name_a_row_are_foreign_keys_of_it(kind: Kind) -> None:
    for path in kind.named_by:
        model: Any = kind.model
        for step in path.split("__"):
            field = model._meta.get_field(step)
            assert field.many_to_one or field.one_to_one, f"{kind.name}: {path}"
            model = field.related_model


# ---- actions: what is planned is also done ------------------------------------------------------


def members(hint: Any) -> set[type]:
    """The classes of `A | B`, `list[A | B]`, `list[A] | list[B]` and `Sequence[A]`."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return {hint}
    return {one for part in typing.get_args(hint) for one in members(part)}


def planned(kind: Kind) -> set[type]:
    return members(typing.get_type_hints(kind.plan)["return"])


def accepted(apply: Callable[..., Any]) -> set[type]:
    hints = typing.get_type_hints(apply)
    hints.pop("return")
    return members(list(hints.values())[1])


def told_apart(apply: Callable[..., Any]) -> tuple[set[str], bool]:
    """Names of the classes `apply` asks for, and whether it goes on with whatever is left."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(apply))).body
    assert isinstance(function, ast.FunctionDef)
    named: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.MatchClass):
            named |= {part.id for part in ast.walk(node.cls) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            named |= {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)}
    return named, not isinstance(function.body[-1], ast.Match | ast.Try | ast.If)


def actions_of(module: types.ModuleType) -> set[type]:
    """Classes of a plan module that are actions: they have a key and a change."""
    names = [name for _, name, _ in pkgutil.iter_modules(getattr(module, "__path__", []))]
    parts = [module, *(import_module(f"{module.__name__}.{name}") for name in names)]
    return {
        one
        for part in parts
        for one in vars(part).values()
        if isinstance(one, type)
        and one.__module__ == part.__name__
        and hasattr(one, "key")
        and ("change" in one.__annotations__ or hasattr(one, "change"))
    }


@pytest.mark.parametrize("kind", KINDS, ids=kind_id)
def test_every_planned_action_can_be_done(kind: Kind) -> None:
    assert planned(kind)
    assert planned(kind) == accepted(kind.apply)
    named, rest = told_apart(kind.apply)
    left = {one.__name__ for one in planned(kind)} - named
    assert len(left) <= int(rest), f"{kind.name}: apply() does not tell {sorted(left)} apart"


PLANS = sorted({path.parent.name for path in ROOT.glob("apps/*/plan*") if path.stem == "plan"})


@pytest.mark.parametrize("app", PLANS)
def test_no_action_is_written_that_nothing_plans(app: str) -> None:
    module = import_module(f"apps.{app}.plan")
    assert actions_of(module)
    assert actions_of(module) - {one for kind in KINDS for one in planned(kind)} == set()
