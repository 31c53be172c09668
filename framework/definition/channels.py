"""In which channels a bot works, and what it does about the time that it was away."""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import fnmatchcase

from pydantic import Field, field_validator

from framework.definition.part import Duration, Part, Texts


class Channels(Part):
    """In which channels the bot works."""

    join: Texts = Field(
        ("messaging:support-*",),
        min_length=1,
        description="Channels to join and watch, as TYPE:ID; `*` and `?` are wildcards in the id, as in support-*.",
    )
    create: Texts = Field((), description="Channels, as TYPE:ID, to create at start where they are missing.")
    where: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Only channels whose custom fields have these values."
    )
    automatic: bool = Field(True, description="Join by itself; otherwise only where somebody adds the bot.")

    @field_validator("join", "create")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(r"[a-zA-Z0-9_-]+:[^:,%\s]+", value):
                raise ValueError(f"{value!r} is not TYPE:ID, for example messaging:support-*")
        return values

    @field_validator("create")
    @classmethod
    def _no_wildcards(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if "*" in value or "?" in value:
                raise ValueError(f"{value!r} has a wildcard; name the channel to create in full")
        return values

    @property
    def types(self) -> tuple[str, ...]:
        """The channel types that occur, each once."""
        return tuple(dict.fromkeys(pattern.partition(":")[0] for pattern in self.join))

    def covers(self, cid: str) -> bool:
        """Whether the bot works in the channel with this address (`type:id`)."""
        return any(fnmatchcase(cid, pattern) for pattern in self.join)


class CatchUp(Part):
    """What happens to messages that came while the bot was away."""

    horizon: Duration = Field(timedelta(hours=24), description="Older unanswered messages are left alone.")
    before_joining: Duration = Field(
        timedelta(minutes=10), description="The same for messages from before the bot joined the channel."
    )
