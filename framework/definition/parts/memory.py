"""What a bot reads before it answers, and what it remembers."""

from __future__ import annotations

from pydantic import Field

from framework.definition.parts.part import Part, Texts


class Context(Part):
    """What the bot reads before it answers."""

    messages: int = Field(20, ge=1, le=300, description="How many of the newest messages to read.")
    tokens: int | None = Field(
        None, ge=200, description="Read at most so many tokens of them, the newest first.", examples=[4000]
    )
    thread: bool = Field(True, description="In a thread, read only the thread. `false`: read the whole channel.")
    images: bool = Field(True, description="Pass pictures to models that can see.")
    images_from: Texts = Field(
        (),
        examples=[["images.example.com"]],
        description="Domains from which pictures are read, with all subdomains. `*`: any public one. Uploads to the "
        "chat itself are always read.",
    )
    names: bool = Field(True, description="Tell the model who said what.")
    summarise: bool = Field(False, description="Keep a summary of older messages than these.")


class Memory(Part):
    """Facts about people. They are kept for each person and never shown to another one."""

    facts: bool = Field(False, description="Remember facts that a person tells about themselves.")
    per_channel: bool = Field(
        True, description="Keep them apart for each channel. `false`: a person's facts count in all channels."
    )
    limit: int = Field(50, ge=1, le=500, description="How many facts of one person are kept, the newest ones.")
