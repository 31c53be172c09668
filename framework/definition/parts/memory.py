"""What a bot reads before it answers, and what it remembers."""

from __future__ import annotations

from pydantic import Field

from framework.definition.parts.part import Part, Texts


class Context(Part):
    """What the bot reads before it answers."""

    messages: int = Field(20, ge=1, le=300, description="How many of the newest messages to read.")
    tokens: int | None = Field(
        None, ge=200, description="At most so many tokens of them, the newest first.", examples=[4000]
    )
    thread: bool = Field(True, description="In a thread, read the thread; otherwise the whole channel.")
    images: bool = Field(True, description="Pass pictures to models that see.")
    images_from: Texts = Field(
        (),
        examples=[["images.example.com"]],
        description="Domains that pictures are read from, each with all below it; `*`: any public one. Those of the "
        "chat itself, where uploads are kept, are read without it.",
    )
    names: bool = Field(True, description="Tell the model who said what.")
    summarise: bool = Field(False, description="Keep a summary of what fell out of the window.")


class Memory(Part):
    """Facts about people, kept for each person; never shown to another one."""

    facts: bool = Field(False, description="Remember facts that a person tells about themselves.")
    per_channel: bool = Field(
        True, description="Kept apart for each channel; otherwise one person's facts follow them."
    )
    limit: int = Field(50, ge=1, le=500, description="How many facts of one person are kept, the newest ones.")
