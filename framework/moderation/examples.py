"""Texts with the outcome that they are meant to have: tests of a moderation.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import Field, ValidationError

from framework.definition.parts.part import Duration, Part, Texts
from framework.definition.reading.positions import read_yaml
from framework.definition.reading.problems import explain
from framework.errors import DefinitionError, Position
from framework.moderation.files import ModerationFile
from framework.moderation.guard import GuardDecision
from framework.moderation.message import Screened, pieces_of
from framework.moderation.rules.outcome import Outcome

FILE = "moderation.test.yaml"
LINES = "texts.jsonl"


class Example(Part):
    """One message, and what is to become of it."""

    text: str = Field(description="What somebody writes.")
    outcome: Outcome = Field(Outcome.ALLOW, description="What is to become of it.")
    rule: str = Field("", description="The rule that is to apply first.")
    becomes: str = Field("", description="The text that is posted in the end.")
    channel: str = Field("messaging:test", description="Where it is written.")
    user: str = Field("ann", description="Who writes it.")
    roles: Texts = Field((), description="The author's roles.")
    account_age: Duration = Field(timedelta(days=365), description="The age of the author's account.")
    after: Duration = Field(timedelta(minutes=1), description="The time since the message before it.")


class Examples(Part):
    """A whole `moderation.test.yaml`."""

    messages: tuple[Example, ...] = Field(description="Messages, one after the other.")


@dataclass(frozen=True)
class Result:
    """The decision on one example; `wrong` is empty if it is as it was meant."""

    example: Example
    where: Position
    decision: GuardDecision
    wrong: str


def run_examples(folder: Path, file: ModerationFile) -> Iterator[Result]:
    """Judge all examples of a bot's folder in their order, in virtual time: those of `moderation.test.yaml`, then those
    of `texts.jsonl`. None if it has no examples.

    Raises DefinitionError with file and line for what is wrong in the files of examples.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)
    guard = file.guard(folder.name, now=lambda: now, channels=("*",))
    for number, (example, where) in enumerate([*_of_yaml(folder / FILE), *_of_lines(folder / LINES)]):
        now += example.after
        decision = guard.judge(
            Screened(
                example.channel,
                example.user,
                pieces_of({"text": example.text}),
                frozenset(example.roles),
                message_id=str(number),
                account_made=now - example.account_age,
            )
        )
        yield Result(example, where, decision, _wrong(example, decision))


def _of_yaml(path: Path) -> list[tuple[Example, Position]]:
    if not path.is_file():
        return []
    document = read_yaml(path)
    try:
        examples = Examples.model_validate({} if document.value is None else document.value)
    except ValidationError as error:
        raise explain(error, document, Examples) from None
    return [(one, document.position(("messages", number))) for number, one in enumerate(examples.messages)]


def _of_lines(path: Path) -> list[tuple[Example, Position]]:
    """A JSON object a line, with the keys of an example."""
    if not path.is_file():
        return []
    found: list[tuple[Example, Position]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        where = Position(path, number)
        if not line.strip():
            continue
        try:
            found.append((Example.model_validate(json.loads(line)), where))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            what = f"{key}: {first['msg'].removeprefix('Value error, ')}" if key else first["msg"]
            raise DefinitionError(what, where=where, hint=f"The keys are {', '.join(Example.model_fields)}.") from None
        except (ValueError, RecursionError):
            raise DefinitionError("is not a JSON object", where=where, hint="Write one object a line.") from None
    return found


def _wrong(example: Example, decision: GuardDecision) -> str:
    if decision.outcome is not example.outcome:
        named = ", ".join(one.rule.name for one in decision.applied) or "no rule"
        return f"expected {example.outcome}, got {decision.outcome} by {named}"
    first = decision.applied[0].rule.name if decision.applied else ""
    if example.rule and example.rule != first:
        return f"expected the rule {example.rule!r}, got {first or 'none'!r}"
    posted = next((piece.text for piece in decision.changed if piece.path == ("text",)), example.text)
    if example.becomes and example.becomes != posted:
        return f"expected the text {example.becomes!r}, got {posted!r}"
    return ""
