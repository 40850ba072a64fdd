"""Which pictures of a job are still to be drawn, and which only to be written down.  Pure."""

from dataclasses import dataclass

from apps.core.changes import Change, Field


@dataclass(frozen=True)
class Picture:
    """One picture of a job: `number` from 1, its own seed, and its one place in the bucket."""

    number: int
    seed: int
    key: str


@dataclass(frozen=True)
class Want:
    """`drawing` is False once a person cancelled: what the bucket has is kept, no more is drawn."""

    pictures: tuple[Picture, ...]
    drawing: bool = True


@dataclass(frozen=True)
class Have:
    """Numbers of the pictures.  recorded: known to the console; stored: in the bucket, but nobody
    wrote it down (a killed worker, a lost answer)."""

    recorded: frozenset[int] = frozenset()
    stored: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Draw:
    """Ask the web UI for one picture and put it into the bucket."""

    picture: Picture

    @property
    def key(self) -> str:
        return f"draw/{self.picture.number}"

    @property
    def change(self) -> Change:
        seed = Field("Seed", "seed", None, self.picture.seed)
        return Change(
            "create",
            "generation",
            "Picture",
            self.picture.key,
            "POST /sdapi/v1/txt2img",
            (seed,),
        )


@dataclass(frozen=True)
class Record:
    """Read a picture that is in the bucket already, and write it down if it is whole."""

    picture: Picture

    @property
    def key(self) -> str:
        return f"record/{self.picture.number}"

    @property
    def change(self) -> Change:
        return Change("create", "generation", "Picture", self.picture.key, "GET object")


Action = Draw | Record


def plan(want: Want | None, have: Have | None) -> list[Action]:
    """Nothing is drawn twice: what the bucket has is only written down."""
    if want is None:
        return []
    have = have or Have()
    actions: list[Action] = []
    for picture in want.pictures:
        if picture.number in have.recorded:
            continue
        if picture.number in have.stored:
            actions.append(Record(picture))
        elif want.drawing:
            actions.append(Draw(picture))
    return actions
