"""What a schedule runs besides a model's turn: a tool, a campaign, or a digest of other channels."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from framework.definition.parts.channels import channel_address, channel_pattern
from framework.definition.parts.part import ONE_OR_MANY, Duration, Part

CAMPAIGNS = "campaigns"
"""The folder of a bot's campaigns, each in a file NAME.yaml."""


LONGEST_DIGEST = timedelta(days=31)


class ScheduledDigest(Part):
    """A digest of what people wrote in some channels, posted into another one."""

    of: Annotated[tuple[Annotated[str, AfterValidator(channel_pattern)], ...], ONE_OR_MANY] = Field(
        (),
        min_length=1,
        description="Channels of which it tells, as TYPE:ID with `*` and `?` as wildcards in the id. The bot is a "
        "member of them; others are left out.",
        examples=["messaging:support-*"],
    )
    to: Annotated[str, AfterValidator(channel_address)] = Field(
        "",
        description="The one channel into which it is posted, TYPE:ID. All its members read it.",
        examples=["team:desk"],
    )
    since: Duration = Field(timedelta(hours=24), description="How long before its time it begins.")

    @field_validator("since")
    @classmethod
    def _bounded(cls, value: timedelta) -> timedelta:
        if not timedelta() < value <= LONGEST_DIGEST:
            raise ValueError(f"write a time of up to {LONGEST_DIGEST.days} days, as in 24h")
        return value


class ScheduledRun(Part):
    """A tool that a schedule calls without a model's choice, a campaign that it begins, or a digest: one of them."""

    tool: str = Field("", description="The tool, as in `tools`.", examples=["close_stale_tickets"])
    arguments: dict[str, Any] = Field(default_factory=dict, description="The tool's arguments, by name.")
    campaign: str = Field(
        "",
        description="A campaign of the bot, `campaigns/NAME.yaml`: each time is a run of its own, in no channel.",
        examples=["weekly_reminder"],
    )

    digest: ScheduledDigest | None = Field(
        None, description="A digest of some channels for another one. Nothing is posted if nobody wrote."
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return which of `tool`, `campaign` and `digest` are given."""
        return tuple(key for key in ("tool", "campaign", "digest") if getattr(self, key))

    @property
    def call(self) -> dict[str, Any]:
        """Return the call of the tool; empty if none is called."""
        return self.model_dump(mode="json", include={"tool", "arguments"}) if self.tool else {}
