"""Which model answers, and how often and how long it is tried."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from framework.definition.parts.part import ONE_OR_MANY, Duration, Part

_NAME = re.compile(r"[a-z0-9_]+:\S+")
PersonalData = Literal["email", "phone", "iban", "card", "credit_card", "ssn", "ip", "mac_address", "url"]


def _fallback(value: str) -> str:
    if value != "embedded" and not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not `embedded` or PROVIDER:NAME, for example openai:gpt-5-mini")
    return value


class Model(Part):
    """Which model answers."""

    name: str = Field(
        "auto",
        description="`auto` (OpenAI-compatible if OPENAI_API_KEY is set, else embedded), `embedded`, or PROVIDER:NAME.",
        examples=["openai:gpt-5-mini"],
    )
    temperature: float | None = Field(
        None, ge=0, le=2, description="Randomness. The model's own default unless it is given.", examples=[0.2]
    )
    timeout: Duration = Field(timedelta(seconds=60), description="Longest wait for a model call, as in 60s.")
    retries: int = Field(2, ge=0, le=10, description="How often a failed model call is tried again.")
    fallbacks: Annotated[tuple[Annotated[str, AfterValidator(_fallback)], ...], ONE_OR_MANY] = Field(
        (), description="Models to ask, in order, when this one fails.", examples=[["openai:gpt-5-mini", "embedded"]]
    )
    base_url: str = Field(
        "",
        description="An OpenAI-compatible server for this bot only. Default: OPENAI_BASE_URL.",
        examples=["http://127.0.0.1:8080/v1"],
    )
    mask: Annotated[tuple[PersonalData, ...], ONE_OR_MANY] = Field(
        (),
        description="Personal data kept from the model: email, phone, iban, card (or credit_card), ssn, ip, "
        "mac_address, url.",
        examples=[["email", "credit_card"]],
    )

    @field_validator("name")
    @classmethod
    def _known_form(cls, value: str) -> str:
        if value not in {"auto", "embedded"} and not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} is not `auto`, `embedded` or PROVIDER:NAME, for example openai:gpt-5-mini")
        return value

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.match(r"https?://[^\s/]+", value):
            raise ValueError(f"{value!r} is not an address of a server; write it as in http://127.0.0.1:8080/v1")
        return value
