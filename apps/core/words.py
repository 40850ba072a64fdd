"""Sentences written by the loop, read later in any language: msgid and numbers are stored."""

from dataclasses import dataclass, field
from typing import Any, Self

from django.utils.translation import gettext


@dataclass(frozen=True)
class Say:
    """One sentence: an English msgid (marked with gettext_noop), and values for its `%(name)s`.

    A value may itself be a Say; it is translated with the sentence around it.
    """

    text: str
    params: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, **params: Any) -> Self:
        return cls(text, params)

    def __str__(self) -> str:
        # An empty msgid would give the catalogue's header.
        if not self.text:
            return ""
        return gettext(self.text) % self.params if self.params else gettext(self.text)

    def __bool__(self) -> bool:
        return bool(self.text)

    def to_json(self) -> dict[str, Any]:
        values = {
            key: value.to_json() if isinstance(value, Say) else value
            for key, value in self.params.items()
        }
        return {"text": self.text, "params": values}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """The sentence of a stored value; plain text and nothing are taken as they are."""
        if isinstance(stored, cls):
            return stored
        if not stored:
            return cls("")
        if isinstance(stored, str):
            return cls("%(sentence)s", {"sentence": stored})
        params = {
            key: cls.from_json(value) if isinstance(value, dict) and "text" in value else value
            for key, value in stored.get("params", {}).items()
        }
        return cls(stored["text"], params)
