"""`ask`: one answer, or many, without a chat service."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.bot_argument import BotName
from framework.cli.lines import LONGEST_LINE, read_lines
from framework.errors import FrameworkError, UsageError
from framework.values import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from framework.agent.conversation import Agent, Answer, Caller, Conversation
    from framework.app.app import App

SPEAKERS = ("user", "bot")
SHOWN = 1_000
"""Characters of a question that could not be answered."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ask)


def ask(
    bot: BotName,
    question: Annotated[str, typer.Argument(help="What to ask; - reads one line each.")] = "-",
    user: Annotated[str, typer.Option(help="As whom you ask; tools work for this user.")] = "asker",
    channel: Annotated[
        str | None, typer.Option(help="TYPE:ID; what bot.yaml says of this channel holds. [default: outside any]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line; lines read may be JSON objects too.")
    ] = False,
) -> None:
    """Ask a bot and print its answer.

    With --json, a line of input is a question in plain text or an object with `question` and `history` (a list of
    {"who": "user" or "bot", "text"}), and a line of output is an object with question, answer, outcome (answered,
    unsure or refused), sources and seconds, or with question and error. A line that cannot be answered is reported with
    its number, the others go on, and the exit code is 1. Empty lines are skipped.
    """
    from framework.agent.conversation import Caller
    from framework.cli.quiet_app import quiet_app
    from framework.cli.screen import notice
    from framework.stream.model import ChannelRef

    app = quiet_app(bot)
    if question == "-" and sys.stdin.isatty():
        notice("Type a question a line; Ctrl-D ends.")
    lines: Iterable[str] = read_lines(sys.stdin) if question == "-" else [question]
    if channel is not None:
        ChannelRef.parse(channel)  # a wrong one is told before anything is read
    asked = Caller(user, channel=channel or "")
    failures = asyncio.run(_ask_all(app, lines, asked, as_json=as_json, typed=question == "-"))
    if failures:
        raise typer.Exit(1)


async def _ask_all(app: App, lines: Iterable[str], asked: Caller, *, as_json: bool, typed: bool) -> int:
    """Answer each line in turn. A line that fails is reported and counted; the others go on."""
    failures = 0
    async with app:
        agent = await app.agent(channel=asked.channel)
        for number, line in enumerate(lines, 1):
            if not line.strip() and typed:
                continue
            failures += not await _ask_one(agent, line.strip(), asked, number if typed else None, as_json=as_json)
    return failures


async def _ask_one(agent: Agent, line: str, asked: Caller, number: int | None, *, as_json: bool) -> bool:
    """Answer one line and print the result, or why there is no answer. `number` is its place in the input, if any."""
    question = line
    try:
        conversation = read_line(line, number, as_json=as_json and number is not None, asked=asked)
        question = conversation.question
        answer = await _answer(agent, conversation)
    except FrameworkError as error:
        _print_failure(question, error, as_json=as_json)
        return False
    _print(question, answer, as_json=as_json)
    return True


def read_line(line: str, number: int | None, *, as_json: bool, asked: Caller | None = None) -> Conversation:
    """Read a question: plain text, or a JSON object. Raises UsageError naming the line."""
    from framework.agent.conversation import Caller, Conversation, Utterance

    where = f"line {number}" if number else None
    if len(line) > LONGEST_LINE:
        raise UsageError(f"is longer than {LONGEST_LINE:,} characters", where=where, hint="Give one question a line.")
    value = _parsed(line, where) if as_json and line.startswith(("{", "[{", '"')) else line
    if not isinstance(value, dict):
        value = {"question": value}
    text, history = value.get("question"), value.get("history")
    if not isinstance(text, str) or not text.strip():
        hint = 'Write {"question": "...", "history": []} or plain text.' if number else "Write what you want to know."
        raise UsageError("holds no question" if number else "The question is empty.", where=where, hint=hint)
    said = [*_history([] if history is None else history, where), Utterance("user", text.strip())]
    return Conversation(tuple(said), replace(asked or Caller("asker"), key=f"ask-{number or 1}"))


def _parsed(line: str, where: str | None) -> Json:
    try:
        return json.loads(line)
    except RecursionError:
        raise UsageError("is nested too deeply", where=where, hint="Give one object a line.") from None
    except ValueError as error:  # not JSON, or a number with thousands of digits
        raise UsageError(f"is not valid JSON: {error}", where=where, hint="Give one object a line.") from None


def _history(history: object, where: str | None) -> Iterator[Any]:
    from framework.agent.conversation import Utterance

    if not isinstance(history, list):
        raise UsageError("`history` must be a list", where=where)
    for entry in history:
        if not isinstance(entry, dict) or entry.get("who") not in SPEAKERS or not isinstance(entry.get("text"), str):
            raise UsageError(
                "`history` must hold objects with `who` and `text`",
                where=where,
                hint='For example {"who": "user", "text": "Hello"}; who is "user" or "bot".',
            )
        yield Utterance(entry["who"], entry["text"])


async def _answer(agent: Agent, conversation: Conversation) -> Answer:
    from framework.agent.conversation import Finished

    async for event in agent.stream(conversation):
        if isinstance(event, Finished):
            return event.answer
    raise FrameworkError("The agent ended without an answer.")


def _print(question: str, answer: Answer, *, as_json: bool) -> None:
    if as_json:
        record = {
            "question": question,
            "answer": answer.text,
            "outcome": answer.outcome,
            "sources": [asdict(source) for source in answer.sources],
            "seconds": round(answer.seconds, 4),
        }
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(answer.text + "\n")
    sys.stdout.flush()


def _print_failure(question: str, error: FrameworkError, *, as_json: bool) -> None:
    from framework.cli.screen import show_error

    question = question if len(question) <= SHOWN else f"{question[:SHOWN]} …"
    if as_json:
        sys.stdout.write(json.dumps({"question": question, "error": str(error)}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        show_error(error)
