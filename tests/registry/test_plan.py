"""One step at a time: what is done next, and what is said, for every state of COS and disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.core.phases import Phase
from apps.core.words import Say
from apps.registry.plan import (
    CopyToDisk,
    DropStaging,
    FileSeen,
    Have,
    InspectHeader,
    JoinParts,
    RemoveFile,
    Staged,
    Want,
    judge,
    plan,
)

WANT = Want("models/Lora/a-v1.safetensors", 100, 10, "models/incoming/t/a.safetensors", "u1")
PARTS, WHOLE = Staged("parts", 100), Staged("whole", 100, "7")
SEEN = FileSeen(100, 5)
START = Have(WANT, free_bytes=1000)
PUBLISHED = replace(START, verdict="clean", file=SEEN, published=SEEN)
REFUSED = replace(START, verdict="refused", refusal=Say("No."))
TROUBLE = replace(START, trouble=Say("Not mounted."), staged=WHOLE)
DROP = DropStaging(WANT.key, "u1")

CASES = [
    ("parts", WANT, replace(START, staged=PARTS), [JoinParts(WANT)], None),
    ("joined", WANT, replace(START, staged=WHOLE), [InspectHeader(WANT)], None),
    ("clean", WANT, replace(START, staged=WHOLE, verdict="clean"), [CopyToDisk(WANT)], None),
    (
        "no room",
        WANT,
        replace(START, staged=WHOLE, verdict="clean", free_bytes=99),
        [],
        Phase.DEGRADED,
    ),
    ("on the disk", WANT, replace(PUBLISHED, staged=WHOLE), [DROP], None),
    ("in step", WANT, PUBLISHED, [], Phase.READY),
    ("refused", WANT, replace(REFUSED, staged=WHOLE), [DROP], None),
    ("refused before it was joined", WANT, replace(REFUSED, staged=PARTS), [DROP], None),
    ("refused for good", WANT, REFUSED, [], Phase.BLOCKED),
    ("lost in COS", WANT, START, [], Phase.BLOCKED),
    ("not mounted", WANT, TROUBLE, [], Phase.DEGRADED),
    ("vanished", WANT, replace(PUBLISHED, file=None), [], Phase.DEGRADED),
    (
        "vanished, still in COS",
        WANT,
        replace(PUBLISHED, file=None, staged=WHOLE),
        [CopyToDisk(WANT)],
        None,
    ),
    ("changed", WANT, replace(PUBLISHED, file=FileSeen(99, 5)), [], Phase.DEGRADED),
    ("written to", WANT, replace(PUBLISHED, file=FileSeen(100, 6)), [], Phase.DEGRADED),
    ("delete", None, PUBLISHED, [RemoveFile(WANT.file, 100)], None),
    ("delete half", None, replace(START, half=True, staged=WHOLE), [DROP], None),
    ("delete what others put there", None, replace(START, file=SEEN), [], Phase.WORKING),
    ("delete while used", None, replace(PUBLISHED, users=("anime",)), [], Phase.BLOCKED),
    ("gone", None, None, [], None),
]


@pytest.mark.parametrize(
    ("want", "have", "actions", "phase"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_comes_next(
    want: Want | None, have: Have | None, actions: list[object], phase: Phase | None
) -> None:
    assert plan(want, have) == actions
    if phase:
        assert judge(want, have).phase == phase
        assert str(judge(want, have).message)


def test_a_refusal_counts_as_answered() -> None:
    verdict = judge(WANT, REFUSED)
    assert (verdict.message, verdict.total, verdict.again_s) == (Say("No."), 1, None)


@pytest.mark.parametrize(
    "action",
    [JoinParts(WANT), InspectHeader(WANT), CopyToDisk(WANT), DROP, RemoveFile(WANT.file, 100)],
)
def test_every_step_tells_what_it_does(action: object) -> None:
    change = action.change  # type: ignore[attr-defined]
    assert change.call and change.name
    assert type(change).from_json(change.to_json()) == change


def test_removing_a_file_is_called_destructive() -> None:
    assert RemoveFile(WANT.file, 100).change.destructive
