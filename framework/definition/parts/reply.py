"""How a bot replies: shape, place, pace; drafts for approval."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Duration, Part, Texts


class Reply(Part):
    """The style of replies."""

    stream: bool = Field(True, description="Show the answer while it is made; otherwise post it whole.")
    place: Literal["same", "thread", "channel"] = Field(
        "same", description="Where: where the question stands, in a thread below it, or always in the channel."
    )
    merge_within: Duration = Field(
        timedelta(0),
        examples=["2s"],
        description="Wait for so much quiet and answer several quick messages of one person at once.",
    )
    supersede: bool = Field(
        False, description="A new message of the same person replaces a turn that has shown nothing yet."
    )
    typing: bool = Field(False, description="Show that the bot is typing.")
    states: bool = Field(True, description="Show AI states beside the reply (thinking, generating, sources).")
    max_length: int = Field(5000, ge=200, le=20_000, description="Characters of a message; longer answers are split.")
    domains: Texts = Field(
        (),
        examples=[["example.com"]],
        description="Domains that replies may link to, each with all below it; `*`: any. Links and pictures to others "
        "are shown as code. Those that the articles, the prompt and the bot's own sentences name are allowed as well.",
    )
    everybody: bool = Field(False, description="Whether the bot may call all people at once: `@all`, `@here`.")
    keep_prompt: bool = Field(
        True, description="Leave out what repeats the bot's instructions word for word, a dozen words and more."
    )
    suggestions: Texts = Field(
        (), description="Quick replies to suggest below each answer.", examples=[["Where is my parcel?"]]
    )
    feedback: Texts = Field(
        (),
        description="Reactions on replies that count as feedback, the good one first, as in [thumbs_up, thumbs_down].",
        examples=[["thumbs_up", "thumbs_down"]],
    )


class Drafts(Part):
    """Answers go to the team first, which sends, edits or drops them."""

    enabled: bool = Field(False, description="Whether answers need approval.")
    channel: str = Field(
        "",
        description="TYPE:ID of the review channel; without it the draft is a message only the team sees.",
        examples=["team:review"],
    )
    expire: Duration = Field(timedelta(hours=24), description="A draft nobody decided on is dropped after this long.")
