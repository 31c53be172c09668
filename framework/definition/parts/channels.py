"""The channels in which a bot works, and how it catches up after a break."""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from framework.definition.parts.part import ONE_OR_MANY, Duration, Part, Texts


def channel_pattern(value: str) -> str:
    """Return TYPE:ID, in whose id may be wildcards. Raises ValueError."""
    if not re.fullmatch(r"[a-zA-Z0-9_-]+:[^:,%\s]+", value):
        raise ValueError(f"{value!r} is not TYPE:ID, for example messaging:support-*")
    return value


def channel_address(value: str) -> str:
    """Return TYPE:ID without wildcards. Raises ValueError."""
    if "*" in channel_pattern(value) or "?" in value:
        raise ValueError(f"{value!r} has a wildcard; name the channel to create in full")
    return value


class Channels(Part):
    """The channels in which the bot works."""

    join: Annotated[tuple[Annotated[str, AfterValidator(channel_pattern)], ...], ONE_OR_MANY] = Field(
        ("messaging:support-*",),
        min_length=1,
        description="Channels to join and watch, as TYPE:ID; `*` and `?` are wildcards in the id, as in support-*.",
    )
    create: Annotated[tuple[Annotated[str, AfterValidator(channel_address)], ...], ONE_OR_MANY] = Field(
        (),
        description="Channels, as TYPE:ID, to create at start if they do not exist.",
        examples=[["messaging:support-1"]],
    )
    open_to: Texts = Field(
        ("*",),
        description="Who may join the channels of `create` by themselves in the playground: user ids, with wildcards. "
        "An empty list: nobody.",
        examples=[["ada", "staff-*"]],
    )
    where: dict[str, str | int | float | bool] = Field(
        default_factory=dict,
        description="Only channels whose custom fields have these values.",
        examples=[{"team": "emea"}],
    )
    automatic: bool = Field(
        True,
        description="Join by itself. `false`: work only where somebody adds the bot. If somebody removes the bot, it "
        "stays away in both cases.",
    )

    @property
    def types(self) -> tuple[str, ...]:
        """Return the channel types that are named, each once."""
        return tuple(dict.fromkeys(pattern.partition(":")[0] for pattern in self.join))

    def covers(self, cid: str) -> bool:
        """Return whether the bot works in the channel with this address (`type:id`)."""
        return any(fnmatchcase(cid, pattern) for pattern in self.join)


class CatchUpOptions(Part):
    """Which messages are answered that came while the bot was away."""

    horizon: Duration = Field(timedelta(hours=24), description="Unanswered messages older than this are not answered.")
    before_joining: Duration = Field(
        timedelta(minutes=10),
        description="Messages that were written longer than this before the bot joined the channel are not answered.",
    )
