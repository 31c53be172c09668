"""How a bot replies: shape, place, pace; drafts for approval."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from framework.definition.parts.part import Duration, Part, Texts


class Reply(Part):
    """The style of replies."""

    stream: bool = Field(True, description="Show the answer while it is written. `false`: post it whole.")
    refresh: Duration = Field(
        timedelta(seconds=1),
        ge=timedelta(milliseconds=100),
        le=timedelta(seconds=30),
        description="Seconds between two updates of an answer that grows. Each update is a call of the chat service.",
        examples=["0.3s"],
    )
    place: Literal["same", "thread", "channel"] = Field(
        "same",
        description="Where replies stand: beside the question (`same`), in a thread below it (`thread`), or always in "
        "the channel (`channel`).",
    )
    merge_within: Duration = Field(
        timedelta(0),
        examples=["2s"],
        description="Wait until a person has written nothing for this long, and answer their quick messages at once.",
    )
    supersede: bool = Field(
        False, description="If a person writes again before an answer is shown, begin anew with the newest message."
    )
    typing: bool = Field(False, description="Show that the bot is typing.")
    states: bool = Field(True, description="Show AI states beside the reply (thinking, generating, sources).")
    max_length: int = Field(5000, ge=200, le=20_000, description="Characters of a message. Longer answers are split.")
    domains: Texts = Field(
        (),
        examples=[["example.com"]],
        description="Domains that replies may link to, with all subdomains. `*`: any. Links and pictures to others "
        "are shown as code. Domains that the articles, the prompt and the fixed sentences name are "
        "allowed as well.",
    )
    everybody: bool = Field(False, description="Let the bot call all people at once: `@all`, `@here`.")
    keep_prompt: bool = Field(
        True, description="Leave out text that repeats a dozen or more words of the bot's instructions."
    )
    suggestions: Texts = Field(
        (), description="Quick replies to suggest below each answer.", examples=[["Where is my parcel?"]]
    )
    feedback: Texts = Field(
        (),
        description="Reactions on replies that count as feedback, the good one first, as in [thumbs_up, thumbs_down].",
        examples=[["thumbs_up", "thumbs_down"]],
    )


class DraftOptions(Part):
    """Answers go to the team first. The team sends, edits or drops them."""

    enabled: bool = Field(False, description="Whether answers need approval.")
    channel: str = Field(
        "",
        description="TYPE:ID of the review channel. Without it the draft is a message in the conversation that only "
        "the team sees.",
        examples=["team:review"],
    )
    expire: Duration = Field(
        timedelta(hours=24), description="A draft that nobody decided on is dropped after this long."
    )
