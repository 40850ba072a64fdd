"""YAML documents with the line of every value, so that a mistake can be pointed at.

Each document says `kind`, `name`, for most kinds `environment`, and `spec`.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

BYTES_MOST = 4 * 1024 * 1024
NODES_MOST = 200_000  # aliases multiply: a small file must not become a large one
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake.  `line` counts from 1; `path` like `spec.image.tag`."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}: {self.path + ': ' if self.path else ''}{self.message}"


class Unreadable(Exception):
    """The text holds mistakes; nothing of it was used."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = sorted(problems, key=lambda problem: problem.line)


@dataclass(frozen=True)
class Document:
    """One object of the text.  `lines`: where each path begins."""

    kind: str
    environment: str
    name: str
    spec: dict[str, Any]
    lines: dict[Path, int] = field(repr=False)

    def problem(self, path: Path, message: str) -> Problem:
        """Points at the deepest part of `path` that is there."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        return Problem(self.lines[at], spelled(path), f"{self.kind} {self.name}: {message}")


def spelled(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(text: str) -> list[Document]:
    """The documents of `text`.  Raises Unreadable with everything that is wrong with its shape."""
    if len(text.encode()) > BYTES_MOST:
        raise Unreadable([Problem(1, "", "A file has at most 4 MiB.")])
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line = mark.line + 1 if mark else 1
        raise Unreadable([Problem(line, "", f"not YAML: {wrong.problem}")]) from wrong
    except (yaml.YAMLError, RecursionError) as wrong:
        raise Unreadable([Problem(1, "", f"not YAML: {wrong}")]) from wrong
    problems: list[Problem] = []
    found = []
    for node in nodes:
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            continue  # an empty document between two ---
        document = _document(node, problems)
        if document:
            found.append(document)
    problems += _twice(found)
    if problems:
        raise Unreadable(problems)
    return found


def _document(node: yaml.Node, problems: list[Problem]) -> Document | None:
    reading = _Reading(problems)
    value = reading.value(node, ())
    line = node.start_mark.line + 1
    if not isinstance(value, dict):
        problems.append(Problem(line, "", "An object is a mapping with kind, name and spec."))
        return None
    known = ("kind", "environment", "name", "spec")
    for name in value:
        if name not in known:
            problems.append(Problem(reading.lines[(name,)], name, unknown(name, known)))
    for name in ("kind", "name"):
        if not isinstance(value.get(name), str):
            problems.append(Problem(reading.lines.get((name,), line), name, "a text is needed"))
    if not isinstance(value.get("environment", ""), str):
        problems.append(Problem(reading.lines[("environment",)], "environment", "not a text"))
    if not isinstance(value.get("spec"), dict):
        where = reading.lines.get(("spec",), line)
        problems.append(Problem(where, "spec", "a mapping is needed"))
    if problems:
        return None
    return Document(
        value["kind"], value.get("environment", ""), value["name"], value["spec"], reading.lines
    )


def _twice(documents: list[Document]) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], int] = {}
    for one in documents:
        key = (one.kind, one.environment, one.name)
        if key in seen:
            yield one.problem((), f"written twice, first at line {seen[key]}")
        seen.setdefault(key, one.lines[()])


def unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"unknown field; did you mean {near[0]}?" if near else "unknown field"


class _Reading:
    """Nodes to plain values, noting lines; what YAML would silently swallow is a problem."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.lines: dict[Path, int] = {}
        self._plain = yaml.SafeLoader("")
        self._count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if self._count > NODES_MOST or len(path) > 50:
            raise Unreadable([Problem(line, spelled(path), "too much in one document")])
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, at)) for at, one in enumerate(node.value)]
        try:
            return self._plain.construct_object(node)
        except (yaml.YAMLError, ValueError) as wrong:
            self.problems.append(Problem(line, spelled(path), f"not a value: {wrong}"))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(name, str) or name == "<<":
                self.problems.append(Problem(line, spelled(path), "a name is needed here"))
                continue
            if name in found:
                self.problems.append(Problem(line, spelled((*path, name)), "written twice"))
            self.lines[(*path, name)] = line
            found[name] = self.value(value_node, (*path, name))
        return found
