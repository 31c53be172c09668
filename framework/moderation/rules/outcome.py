"""What is done with a message that a rule applies to."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from framework.definition.parts.part import Duration, Part


class Outcome(StrEnum):
    """What becomes of the message, from the weakest to the strongest. Of several that apply the strongest holds."""

    ALLOW = "allow"
    """It passes. What a rule found is in the log all the same."""
    FLAG = "flag"
    """It passes, and stands in Stream's review queue."""
    MASK = "mask"
    """It passes with stars or names of kinds where something was found."""
    REWRITE = "rewrite"
    """It passes with another text."""
    SHADOW = "shadow"
    """Its author alone sees it."""
    HOLD = "hold"
    """Nobody but its author sees it until a moderator lets it pass."""
    REJECT = "reject"
    """It is not posted, and its author is told why."""

    def __lt__(self, other: str) -> bool:
        return _ORDER[self] < _ORDER[Outcome(other)]


_ORDER = {outcome: place for place, outcome in enumerate(Outcome)}


class Action(Part):
    """What a rule does. In moderation.yaml a word (`reject`), or a key with its value (`mute: 10m`)."""

    outcome: Outcome = Field(Outcome.ALLOW, description="What becomes of the message.", examples=["reject"])
    text: str = Field("", description="For `rewrite`: the text that stands there instead.", examples=["(removed)"])
    mute: Duration | None = Field(None, description="The author may not write for so long.", examples=["10m"])
    ban: Duration | None = Field(
        None, description="The author is banned from the channel for so long.", examples=["1d"]
    )

    @model_validator(mode="before")
    @classmethod
    def _read_short_form(cls, value: object) -> object:
        if isinstance(value, str):
            if value in {"mute", "ban"}:
                raise ValueError(f"{value!r} needs a time, as in {{{value}: 10m}}")
            if value not in set(Outcome):
                raise ValueError(f"{value!r} is not an outcome: use one of {', '.join(Outcome)}, mute or ban")
            return {"outcome": value}
        if isinstance(value, dict):
            given: dict[str, Any] = dict(value)
            if "rewrite" in given:
                given |= {"text": given.pop("rewrite"), "outcome": "rewrite"}
            if ("mute" in given or "ban" in given) and "outcome" not in given:
                given["outcome"] = "reject"
            return given
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.outcome is Outcome.REWRITE and not self.text.strip():
            raise ValueError('rewrite needs a text, as in {rewrite: "(removed)"}')
        for name, time in (("mute", self.mute), ("ban", self.ban)):
            if time is not None and not timedelta(minutes=1) <= time <= timedelta(days=365):
                raise ValueError(f"{name} takes 1m to 365d: the chat service counts minutes")
        return self
