"""The wish of one job as the loop carries it out.  Stored as JSON in Job.spec."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from apps.generation.rules import Wish


class CheckpointSpec(BaseModel):
    """The model file the pictures must come from.  `name` as the web UI says it: no ending;
    `hash` is the first ten digits of the file's sha256, "" if it is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    name: str = Field(max_length=200)
    hash: str = Field("", max_length=10)


class JobSpec(BaseModel):
    """`folder` in the bucket, by the day (UTC) the job was asked for; `seed` is never -1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    negative_prompt: str = ""
    steps: int
    cfg_scale: float
    width: int
    height: int
    sampler: str
    seed: int
    count: int
    folder: str
    checkpoint: CheckpointSpec

    @property
    def wish(self) -> Wish:
        return Wish(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            steps=self.steps,
            cfg_scale=Decimal(str(self.cfg_scale)),
            width=self.width,
            height=self.height,
            sampler=self.sampler,
            seed=self.seed,
            count=self.count,
        )
