"""What a schedule runs besides a model's turn: a tool or a campaign."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from framework.definition.parts.part import Part

CAMPAIGNS = "campaigns"
"""The folder of a bot's campaigns, each in a file NAME.yaml."""


class ScheduledRun(Part):
    """A tool that a schedule calls without a model's choice, or a campaign that it begins: one of them."""

    tool: str = Field("", description="The tool, as in `tools`.", examples=["close_stale_tickets"])
    arguments: dict[str, Any] = Field(default_factory=dict, description="The tool's arguments, by name.")
    campaign: str = Field(
        "",
        description="A campaign of the bot, `campaigns/NAME.yaml`: each time is a run of its own, in no channel.",
        examples=["weekly_reminder"],
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return which of `tool` and `campaign` are given."""
        return tuple(key for key in ("tool", "campaign") if getattr(self, key))

    @property
    def call(self) -> dict[str, Any]:
        """Return the call of the tool; empty if none is called."""
        return self.model_dump(mode="json", include={"tool", "arguments"}) if self.tool else {}
