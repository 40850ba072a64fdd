"""Who may read a picture in the bucket, and how that is proved.  Pure."""

from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext_noop

from apps.core.changes import Change, Field
from apps.core.kinds import Verdict
from apps.core.phases import Phase
from apps.core.words import Say

Visibility = Literal["private", "public"]
CANNED: dict[str, str] = {"private": "private", "public": "public-read"}
OPEN = (200, 206)  # a stranger got the bytes
CLOSED = (403, 404)  # a stranger got nothing
# Anonymous reads that are written down after a change, by name and seconds since it.
MOMENTS: tuple[tuple[str, float], ...] = (("after", 0), ("1m", 60), ("5m", 300), ("15m", 900))
STILL_WRONG_S = 5.0
LOOK_SOONEST_S, LOOK_LATEST_S = 60.0, 6 * 3600.0
FLOORS = 3  # requested, applied, proven


@dataclass(frozen=True)
class Want:
    """`wait_s` > 0: it stays private that long yet, because the approval may still be undone."""

    key: str
    visibility: Visibility
    wait_s: float = 0.0

    @property
    def now(self) -> Visibility:
        return "private" if self.wait_s > 0 else self.visibility

    @property
    def expected(self) -> int:
        return 200 if self.now == "public" else 403


@dataclass(frozen=True)
class Have:
    """acl: canned; status: what a stranger was answered just now; since_s: since it was applied."""

    acl: str
    status: int
    since_s: float = 0.0


@dataclass(frozen=True)
class SetAcl:
    """Make the object readable by everybody or by nobody."""

    object_key: str
    canned: str
    old: str

    @property
    def key(self) -> str:
        return f"acl/{self.object_key}"

    @property
    def change(self) -> Change:
        line = Field(gettext_noop("Visibility"), "x-cos-acl", self.old, self.canned)
        return Change("change", "moderation", "Object", self.object_key, "PUT ?acl", (line,))


Action = SetAcl


def proven(want: Want, have: Have | None) -> bool:
    """A stranger is answered as wished.  An object that is gone is as closed as one can be."""
    if have is None:
        return want.now == "private"
    return have.status in (OPEN if want.now == "public" else CLOSED)


def plan(want: Want | None, have: Have | None) -> list[Action]:
    if want is None or have is None or have.acl == CANNED[want.now]:
        return []
    return [SetAcl(want.key, CANNED[want.now], have.acl)]


def look_again_s(since_s: float) -> float:
    """Until the next anonymous read: at the written moments, then ever more rarely the longer it
    has held, but never rarer than every six hours."""
    for _name, at_s in MOMENTS:
        if since_s < at_s:
            return at_s - since_s
    return min(max(since_s / 10, LOOK_SOONEST_S), LOOK_LATEST_S)


def judge(want: Want | None, have: Have | None) -> Verdict:
    assert want is not None  # a case is never deleted
    if have is None:
        if want.visibility == "private":
            say = Say(gettext_noop("The object is gone from the bucket; nobody can read it."))
            return Verdict(Phase.READY, say, LOOK_LATEST_S, FLOORS, FLOORS)
        say = Say(gettext_noop("The object is gone from the bucket; there is nothing to publish."))
        return Verdict(Phase.BLOCKED, say, LOOK_LATEST_S, 1, FLOORS)
    if not proven(want, have):
        text = (
            gettext_noop("An anonymous read is still answered %(status)s instead of 200.")
            if want.now == "public"
            else gettext_noop("An anonymous read is still answered %(status)s.")
        )
        say = Say.of(text, status=have.status)
        return Verdict(Phase.DEGRADED, say, STILL_WRONG_S, FLOORS - 1, FLOORS)
    if want.wait_s > 0:
        say = Say(gettext_noop("Approved; it is published once the time to undo that is over."))
        return Verdict(Phase.WORKING, say, want.wait_s)
    say = Say.of(gettext_noop("An anonymous read is answered %(status)s."), status=have.status)
    return Verdict(Phase.READY, say, look_again_s(have.since_s), FLOORS, FLOORS)
