"""A Change for a terminal, in the signs of the plan page."""

from collections.abc import Iterator

from apps.core.changes import MASK, SIGNS, Change, Field
from apps.core.diffing import text_of


def change_lines(change: Change) -> Iterator[str]:
    yield f"{change.sign:>3} {change.object_kind} {change.name}  ({change.call})"
    for line in change.fields:
        if line.op != "none":
            yield f"      {SIGNS[line.op]} {line.path}: {values(line)}"
    for note in change.notes:
        yield f"      # {note}"
    if change.restarts:
        yield f"      # restarts {change.restarts} pods"


def values(line: Field) -> str:
    old, new = text_of(line.old), text_of(line.new)
    if line.secret:
        old, new = (MASK if line.old is not None else ""), (MASK if line.new is not None else "")
    if line.op == "change":
        return f"{old} -> {new}"
    return new if line.op == "create" else old
