"""What of an environment can be written down: the console's own settings of it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.environments.models import Environment


class EnvironmentText(BaseModel):
    """None = left as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: Literal["prod", "stage", "dev"] | None = None
    policy: Literal["auto", "confirm", "four-eyes"] | None = None
    biz_type: str | None = Field(default=None, max_length=64)


def to_yaml(environment: Environment) -> dict[str, Any]:
    return {
        "stage": environment.stage,
        "policy": environment.policy,
        "biz_type": environment.biz_type,
    }


def changes(environment: Environment, text: EnvironmentText) -> dict[str, Any]:
    """The settings that differ from what is there."""
    asked = text.model_dump(exclude_none=True)
    return {name: value for name, value in asked.items() if getattr(environment, name) != value}
