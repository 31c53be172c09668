"""A conversation test as it stands in `conversations/*.yaml`: who says what, and what the bot must make of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from framework.definition.model import ChannelDefinition
from framework.definition.parts.part import Duration, Part
from framework.definition.reading.positions import YamlDocument, read_yaml
from framework.definition.reading.problems import explain, together
from framework.errors import DefinitionError, Position

FOLDER = "conversations"
USER = "user"
"""The person who speaks where a step says `user:`."""
_OWN_NAMES = ("last", "bot", "review")
"""Messages that steps name without an id."""


def _one_or_many(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else (value,)


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], BeforeValidator(_one_or_many)]


class Person(Part):
    """Someone who takes part."""

    name: str = Field("", description="The name that others see; the id without it.")
    role: str = Field("user", description="Role in the app, as in user, moderator, admin.")
    bot: bool = Field(False, description="Whether it is another bot.")
    member: bool = Field(True, description="Whether the person is in the channel from the beginning.")
    custom: dict[str, Any] = Field(default_factory=dict, description="Other fields of the user, as a time zone.")


class Expectation(Part):
    """Expected after a step. Only keys that are written are compared. Upper and lower case are the same in texts."""

    text: Texts = Field((), description="Each of these is in what the bot said.")
    not_text: Texts = Field((), description="None of these is in what the bot said.")
    regex: Patterns = Field((), description="Each of these matches somewhere in what the bot said.")
    silence: bool | str = Field(False, description="The bot says nothing; a text must be part of the reason.")
    replies: int | None = Field(None, ge=0, description="How many messages the bot posted.")
    tools: Annotated[tuple[str, ...] | None, BeforeValidator(lambda v: None if v is None else _one_or_many(v))] = Field(
        None, description="The tools that were called, in any order; an empty list: none."
    )
    cites: Texts = Field((), description="Articles (file or title) that the answer names as its sources.")
    outcome: Literal["answered", "unsure", "refused", "failed", "stopped"] | None = Field(
        None, description="What the answer was."
    )
    handover: bool | str | None = Field(
        None, description="Whether a person has taken over; a text must be part of the reason."
    )
    suggestions: Texts = Field((), description="Quick replies that are offered.")
    for_team: Texts = Field((), description="Each of these is in what the bot showed to the team alone.")
    draft: bool | None = Field(None, description="Whether a draft waits for the team.")
    approval: bool | None = Field(None, description="Whether a tool call waits for the team's word.")
    thread: bool | None = Field(None, description="Whether all that the bot said stands in threads.")
    poll: Texts = Field((), description="Question and answers of a poll that the bot posted.")
    feedback: Texts | None = Field(
        None, description="The reactions that count as feedback by now; an empty list: none."
    )
    within: Duration | None = Field(None, description="Longest time from the step to the finished answer.")
    rubric: str = Field("", description="Describes a good answer. The model judges, if one is set.")

    @model_validator(mode="after")
    def _silent_or_not(self) -> Expectation:
        said = self.text or self.regex or self.cites or self.outcome or self.rubric or self.suggestions or self.poll
        if self.silence and (said or self.replies):
            raise ValueError("`silence` cannot stand beside what the bot is expected to say")
        return self


class ScenarioStep(Part):
    """One thing that happens, and what is expected after it."""

    user: str | None = Field(None, description="What the user writes; short for `from: user` and `say`.")
    sender: str = Field(USER, alias="from", description="Who does it.")
    say: str | None = Field(None, description="What that person writes.")
    burst: tuple[str, ...] = Field((), description="Several messages in quick succession, half a second apart.")
    reply_to: str = Field(
        "", description="`last`, `bot` (the bot's last message), `review` or the id of a step: in its thread."
    )
    quote: str = Field("", description="The same, for a message that is quoted.")
    mention: Texts = Field((), description="Ids of people who are mentioned.")
    attach: Texts = Field((), description="Files or pictures that come with the message, by name.")
    command: str = Field("", description="A slash command, without the slash; `say` holds its arguments.")
    custom: dict[str, Any] = Field(default_factory=dict, description="Custom fields of the message, as of a button.")
    edit: str | None = Field(None, description="The new text of the message `message` names.")
    delete: bool = Field(False, description="Delete the message `message` names.")
    react: str = Field("", description="React to the message `message` names, as in thumbs_up.")
    message: str = Field(
        "last", description="`last` (of a person), `bot`, `review` (asked of the team) or a step's id."
    )
    join: str = Field("", description="Id of a person who joins the channel.")
    event: str = Field("", description="Type of a custom event of the channel.")
    stop: bool = Field(False, description="Press the stop button.")
    campaign: str = Field("", description="Start this campaign of the bot's.")
    wait: Duration = Field(timedelta(0), description="Let time pass, as in 30m; alone, or before the rest of the step.")
    id: str = Field("", description="A name for the message of this step, for later ones.")
    channel: str = Field("", description="The channel of this step, if it is not the test's.")
    expect: Expectation = Field(default_factory=Expectation, description="What must be so afterwards.")

    @model_validator(mode="after")
    def _something_happens(self) -> ScenarioStep:
        acts = [self.user is not None, self.say is not None, bool(self.burst), self.edit is not None, self.delete]
        acts += [bool(self.react), bool(self.join), bool(self.event), self.stop, bool(self.campaign)]
        if sum(acts) > 1:
            raise ValueError("more than one thing happens in this step; make a step of each")
        if not any(acts) and not self.wait and not self.command:
            raise ValueError("nothing happens in this step; say `user: ...`, `wait: 10m` or the like")
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """The messages that are written in this step."""
        if self.burst:
            return self.burst
        text = self.user if self.user is not None else self.say
        return (text or "",) if text is not None or self.command else ()


class Opening(Part):
    """The channel and its people before the first step of a conversation test."""

    channel: str = Field("", description="TYPE:ID; without it, a channel that the bot joins.")
    people: dict[str, Person] = Field(default_factory=dict, description="Who takes part beside `user`, by id.")
    at: datetime = Field(datetime(2026, 1, 5, 10, 0, tzinfo=UTC), description="The time at the beginning.")
    custom: dict[str, Any] = Field(default_factory=dict, description="Custom fields of the channel.")
    history: tuple[ScenarioStep, ...] = Field((), description="Messages from before the bot came.")
    definition: ChannelDefinition | None = Field(
        None, description="Values for the channel, as under `overrides` in bot.yaml."
    )

    @field_validator("at")
    @classmethod
    def _aware(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    @field_validator("channel")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-zA-Z0-9_-]+:[^:,%\s*?]+", value):
            raise ValueError(f"{value!r} is not TYPE:ID, for example messaging:support-1")
        return value


class Scenario(Opening):
    """A conversation test."""

    name: str = Field("", description="What it shows, as a sentence.")
    needs: Literal["model"] | None = Field(None, description="`model`: skipped unless a language model is set.")
    turns: tuple[ScenarioStep, ...] = Field(
        min_length=1,
        description="What happens, in order.",
        examples=[[{"user": "Hello", "expect": {"text": "help"}}]],
    )


@dataclass(frozen=True)
class Test:
    """A scenario and where it stands: `document` tells the lines of its steps."""

    file: Path
    scenario: Scenario
    document: YamlDocument

    __test__ = False  # for pytest, which collects what is called so

    @property
    def name(self) -> str:
        """Return the name of the test, or that of its file."""
        return self.scenario.name or self.file.stem.replace("_", " ")

    def place(self, step: int) -> Position:
        """Where a step stands."""
        return self.document.position(("turns", step))


def load_each(folder: Path) -> tuple[tuple[Test, ...], Mapping[Path, DefinitionError]]:
    """The conversation tests of a bot's folder, sorted by file, and by file what is wrong with the others."""
    tests: list[Test] = []
    broken: dict[Path, DefinitionError] = {}
    for file in sorted((folder / FOLDER).glob("*.y*ml")):
        try:
            tests.append(load_test(file))
        except DefinitionError as error:
            broken[file] = error
    return tuple(tests), broken


def broken_test(file: Path) -> Test:
    """A test without steps, in the place of one that cannot be read."""
    return Test(file, Scenario.model_construct(name="", turns=()), YamlDocument(file, {}, {}))


def load_tests(folder: Path) -> tuple[Test, ...]:
    """The conversation tests of a bot's folder, sorted by file. Raises DefinitionError, with line, for a wrong one."""
    tests, broken = load_each(folder)
    if broken:
        raise together(list(broken.values()))
    return tests


def load_test(file: Path) -> Test:
    """One conversation test. Raises DefinitionError, with line."""
    document = read_yaml(file)
    if not isinstance(document.value, dict):
        raise DefinitionError(
            "must be a mapping with `turns`",
            where=document.position(()),
            hint="Begin as in `turns: [{user: Hello, expect: {text: help}}]`, or with a line for each.",
        )
    try:
        scenario = Scenario.model_validate(document.value)
    except ValidationError as error:
        raise explain(error, document, Scenario) from None
    _check_references(scenario, document)
    return Test(file, scenario, document)


def _check_references(scenario: Scenario, document: YamlDocument) -> None:
    """Raise DefinitionError for a step that speaks of a message which no earlier step writes."""
    known = set(_OWN_NAMES)
    problems: list[DefinitionError] = []
    steps = [("history", n, step) for n, step in enumerate(scenario.history)]
    for part, number, step in [*steps, *(("turns", n, step) for n, step in enumerate(scenario.turns))]:
        for key in ("reply_to", "quote", "message"):
            name = getattr(step, key)
            if name and name not in known:
                what = f"{part}[{number}].{key}: no earlier step has the id {name!r}"
                hint = f"Add `id: {name}` to the step that is meant, or write one of {', '.join(sorted(known))}."
                problems.append(DefinitionError(what, where=document.position((part, number, key)), hint=hint))
        known |= {step.id} - {""}
    if problems:
        raise together(problems)
