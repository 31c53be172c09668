"""The form of a `moderation.yaml`: rules that are read from the top, each with conditions and an outcome."""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from framework.definition.expressions.patterns import linear
from framework.definition.parts.part import Duration, Part, Texts
from framework.moderation.rules.outcome import Action, Outcome
from framework.personal_data import KINDS

LONGEST_WINDOW = timedelta(days=1)
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")


def _as_texts(value: object) -> object:
    """A text alone stands for the same text in every language."""
    return {"": value} if isinstance(value, str) else value


Say = Annotated[dict[str, str], BeforeValidator(_as_texts, json_schema_input_type=str | dict[str, str])]


class When(Part):
    """The conditions of a rule. All that are given have to hold."""

    words: Texts = Field(
        (),
        description="Words and phrases, or names of files beside moderation.yaml that list them (.txt, .yaml, .json).",
        examples=[["words.txt"]],
    )
    match: Literal["word", "inside"] = Field(
        "word", description="Whether words stand alone, or inside of other words as well."
    )
    allow_words: Texts = Field(
        (), description="Words that are never a hit, though a blocked one is in them.", examples=[["Scunthorpe"]]
    )
    domains: Texts = Field((), description="Domains, and all below them.", examples=[["spam-domain.example"]])
    links: bool | None = Field(None, description="Whether the message has a link.")
    allowed_domains: Texts = Field(
        (), description="The message links to a domain that is not one of these.", examples=[["ours.example"]]
    )
    regex: Texts = Field(
        (), description="Regular expressions, case ignored, in linear time.", examples=[["buy \\d+ coins"]]
    )
    stream_list: Texts = Field(
        (), description="Names of Stream's blocklists. `moderation apply` keeps them in step.", examples=[["shared"]]
    )
    personal_data: Texts = Field(
        (), description=f"Kinds of personal data: {', '.join(sorted(KINDS))}.", examples=[["card", "iban"]]
    )
    messages: int | None = Field(
        None, ge=2, le=1000, description="The author wrote at least so many messages `within` the time.", examples=[6]
    )
    repeats: int | None = Field(
        None, ge=2, le=100, description="The author wrote nearly the same so often `within` the time.", examples=[3]
    )
    within: Duration = Field(timedelta(seconds=10), description="The time of `messages` and `repeats`.")
    capitals: float | None = Field(
        None, gt=0, le=1, description="The share of capitals among at least 12 letters.", examples=[0.8]
    )
    mentions: int | None = Field(None, ge=1, le=1000, description="At least so many people are mentioned.")
    attachments: int | None = Field(None, ge=1, le=100, description="At least so many attachments.")
    account_younger: Duration | None = Field(
        None, description="The author's account was made less than so long ago.", examples=["1d"]
    )
    roles: Texts = Field((), description="The author has one of these roles.", examples=[["guest"]])
    injection: bool | None = Field(None, description="The text tries to give the bot instructions.")
    model: str = Field(
        "",
        pattern=r"^[A-Za-z][A-Za-z /_-]{0,39}$|^$",
        description="A kind of bad text that a model finds, such as one of OpenAI's moderation: hate, harassment, "
        "sexual, violence, self-harm, illicit, and harassment/threatening and the like.",
        examples=["hate"],
    )
    above: float = Field(0.8, ge=0, lt=1, description="The model's score, from 0 to 1, from which on `model` holds.")

    @field_validator("personal_data")
    @classmethod
    def _kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - KINDS):
            raise ValueError(f"{unknown[0]!r} is not a kind of personal data: use some of {', '.join(sorted(KINDS))}")
        return value

    @field_validator("regex")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            linear(pattern, ignore_case=True)
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        helpers = {"match", "allow_words", "within", "above"}
        if not self.model_fields_set - helpers:
            raise ValueError("a rule needs a condition, such as words, domains, personal_data or messages")
        if not timedelta(seconds=1) <= self.within <= LONGEST_WINDOW:
            raise ValueError("within takes 1s to 1d")
        if "above" in self.model_fields_set and not self.model:
            raise ValueError("above is the score of a model: name a kind of text, as in model: hate")
        return self


class Rule(Part):
    """One rule: when it applies, and what is done then."""

    name: str = Field(description="What the log calls it.", min_length=1, max_length=100, examples=["bad words"])
    when: When = Field(description="All of these conditions have to hold.")
    do: Action = Field(description="What is done: an outcome, or {mute: 10m}, {ban: 1d}, {rewrite: text}.")
    disguised: Outcome | None = Field(
        None, description="The weaker outcome if every term was only found disguised.", examples=["flag"]
    )
    say: Say = Field(
        default_factory=dict, description="What the author of a rejected message reads, by language or in all of them."
    )
    in_: Texts = Field(
        (), alias="in", description="Patterns of channels; without any, all.", examples=[["messaging:*"]]
    )
    not_roles: Texts = Field((), description="Authors with one of these roles pass.", examples=[["moderator"]])
    not_users: Texts = Field((), description="These user ids pass.", examples=[["shop-backend"]])
    alert: str = Field("", description="A channel that is told, as type:id.", examples=["team:moderation"])
    late: Literal["allow", "reject"] = Field(
        "allow", description="What is done with a message that could not be judged in time."
    )

    @field_validator("alert")
    @classmethod
    def _channel(cls, value: str) -> str:
        if value and not re.fullmatch(r"[\w-]+:[\w-]+", value):
            raise ValueError(f"{value!r} is not a channel: write type:id, such as team:moderation")
        return value

    @field_validator("say")
    @classmethod
    def _languages(cls, value: dict[str, str]) -> dict[str, str]:
        for language, text in value.items():
            if language and not LANGUAGE.fullmatch(language):
                raise ValueError(f"{language!r} is not a language: write en, de or pt-BR")
            if not text.strip():
                raise ValueError("a text that the author reads cannot be empty")
        return value

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.disguised is not None and not (self.when.words or self.when.domains or self.when.stream_list):
            raise ValueError("disguised needs words, domains or a stream_list: nothing else is disguised")
        if self.disguised is not None and not self.disguised < self.do.outcome:
            raise ValueError(f"disguised is meant to be weaker than {self.do.outcome}")
        if self.say and self.do.outcome is not Outcome.REJECT:
            raise ValueError("say is read where a message is rejected: use do: reject")
        maskable = self.when.words or self.when.domains or self.when.stream_list or self.when.personal_data
        if self.do.outcome is Outcome.MASK and not maskable:
            raise ValueError("mask needs something with a place in the text: words, domains or personal_data")
        if reason := _never(self.when):
            raise ValueError(f"it can never apply: {reason}")
        if overlap := sorted(set(self.when.roles) & set(self.not_roles)):
            raise ValueError(f"it can never apply: {overlap[0]!r} is in roles and in not_roles")
        return self


def _meet(one: str, other: str) -> bool:
    """Whether a channel may fit both patterns. It is judged by what stands before the first wildcard."""
    first, second = (re.split(r"[*?\[]", pattern, maxsplit=1)[0] for pattern in (one, other))
    if first == one:
        return fnmatchcase(one, other)
    if second == other:
        return fnmatchcase(other, one)
    return first.startswith(second) or second.startswith(first)


def _never(when: When) -> str:
    """Why conditions cannot hold together; empty if they can."""
    names = {word.casefold() for word in when.words}
    if names and not (when.domains or when.stream_list) and names <= {word.casefold() for word in when.allow_words}:
        return "every word is in allow_words"
    if when.links is False and (when.domains or when.allowed_domains):
        return "links: false wants no link, and the domains want one"
    if when.account_younger is not None and when.account_younger <= timedelta(0):
        return "no account is younger than that"
    return ""


class Judge(Part):
    """Which model judges texts for the condition `model`."""

    by: Literal["auto", "openai", "bot"] = Field(
        "auto",
        description="`openai`: its moderation endpoint. `bot`: the bot's own model. `auto`: OpenAI's, if "
        "OPENAI_API_KEY is set without OPENAI_BASE_URL, and otherwise the bot's own.",
    )
    name: str = Field("omni-moderation-latest", description="The model of the moderation endpoint.")
    within: Duration = Field(
        timedelta(seconds=0.5), description="The longest wait for its answer, from 0.05s to 10s. Then `late` decides."
    )

    @field_validator("within")
    @classmethod
    def _waits(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=0.05) <= value <= timedelta(seconds=10):
            raise ValueError("within takes 0.05s to 10s")
        return value


class Moderation(Part):
    """A whole `moderation.yaml`."""

    channels: Texts = Field(
        (),
        description="Patterns of the channels that are guarded; without any, those of the bot.",
        examples=[["messaging:*"]],
    )
    language: str = Field("en", description="The language of `say` for authors whose own is not known.")
    judge: Judge = Field(Judge(), description="The model that judges texts where a rule has the condition `model`.")
    rules: tuple[Rule, ...] = Field((), description="The rules, read from the top.", max_length=200)

    @model_validator(mode="after")
    def _rules_meet_channels(self) -> Self:
        for rule in self.rules:
            if self.channels and rule.in_ and not any(_meet(one, outer) for one in rule.in_ for outer in self.channels):
                raise ValueError(f"the rule {rule.name!r} can never apply: its `in` names none of the guarded channels")
        return self

    @field_validator("rules")
    @classmethod
    def _names(cls, value: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules are called {twice[0]!r}: the log could not tell them apart")
        return value
