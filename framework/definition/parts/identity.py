"""As whom a bot speaks."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from framework.definition.parts.part import Part

_LANGUAGE = re.compile(r"[a-z]{2}")


class Persona(Part):
    """How the bot presents itself; may differ between channels."""

    name: str = Field("Support Bot", min_length=1, description="The name that people see.")
    image: str = Field("", description="Address of its picture.", examples=["https://example.com/bot.png"])
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="The bot's main language, as in en or de.")

    @field_validator("language", mode="before")
    @classmethod
    def _two_letters(cls, value: object) -> object:
        if isinstance(value, str) and not _LANGUAGE.fullmatch(value):
            short = value[:2].lower() if re.fullmatch(r"[A-Za-z]{2}(?:[_-].*)?", value) else ""
            guess = f"write {short!r}" if short else "write its two letters, as in en or de"
            raise ValueError(f"{value!r} is not a code of a language; {guess}")
        return value

    @field_validator("image")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.match(r"https?://\S+$", value):
            raise ValueError(f"{value!r} is not an address; write it as in https://example.com/bot.png")
        return value


class Identity(Persona):
    """As whom the bot speaks in channels."""

    user_id: str = Field(
        "agent-bot",
        pattern=r"^[a-zA-Z0-9@_-]{1,255}$",
        description="User id in the chat service: letters, digits, @, _ and -. Bots that run together need one each.",
    )
