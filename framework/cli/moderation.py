"""`moderation`: what the rules say of a text, and what a text holds that must not be said."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.lines import LONGEST_LINE, read_lines
from framework.cli.moderation_apply import apply
from framework.cli.moderation_log import log
from framework.errors import UsageError

if TYPE_CHECKING:
    from framework.cli.moderation_view import Judge
    from framework.moderation.guards import Guards
    from framework.moderation.text_check import TextCheck

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to look at; - reads one text a line.")]
Words = Annotated[
    Path | None,
    typer.Option("--words", metavar="FILE", help="Blocked terms: a list in YAML or JSON, or one a line."),
]
Kinds = Annotated[
    str,
    typer.Option(
        "--personal-data", metavar="KINDS", help="Kinds to look for, parted by commas, such as email,phone,iban,card."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="moderation", help="Judge texts by the rules of moderation.yaml.", no_args_is_help=True)
    group.command(name="check")(check)
    group.command(name="test")(test)
    group.command(name="apply")(apply)
    group.command(name="log")(log)
    group.callback()(root)
    app.add_typer(group)


def root() -> None:
    """Keep channels clean."""


def check(
    text: Text = "-",
    words: Words = None,
    personal_data: Kinds = "",
    bot: Annotated[
        str | None, typer.Option("--bot", help="Judge by this bot's moderation.yaml; without it by all under bots/.")
    ] = None,
    channel: Annotated[str, typer.Option("--channel", help="Where it is written, as type:id.")] = "messaging:check",
    user: Annotated[str, typer.Option("--user", help="Who writes it.")] = "somebody",
    role: Annotated[list[str] | None, typer.Option("--role", help="A role of theirs; may be repeated.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line; lines read may be JSON, too.")
    ] = False,
) -> None:
    """Say what becomes of texts by the rules; with --words or --personal-data what stands in them.

    With --json, a line of input is a JSON string, an object with `text`, or plain text. A line of output is an object
    with text, outcome and seconds. With --words or --personal-data the outcome is clean or hit, and `hits` has term or
    kind, how, start and end. Otherwise it is what the rules decide, and `rules` names each that applies, with its place
    and what it found. A line that cannot be read gives an object with line and error, and the others go on. The exit
    code is 1 if a line could not be read.
    """
    from framework.cli.moderation_view import ByRules, ByTerms

    typed = text == "-"
    judge: Judge
    if words is None and not personal_data:
        from framework.moderation.message import Screened

        judge = ByRules(_guards(bot), Screened(channel, user, (), frozenset(role or ())))
    else:
        judge = ByTerms(_check_of(words, personal_data))
    failures = 0
    for number, line in enumerate(read_lines(sys.stdin) if typed else [text], 1):
        if typed and not line.strip():
            continue
        failures += not _check_one(judge, line.rstrip("\r\n"), number, as_json=as_json, typed=typed)
    if failures:
        raise typer.Exit(1)


def test(
    bot: Annotated[str, typer.Argument(help="A name under bots/, or a path to a folder with a moderation.yaml.")],
) -> None:
    """Judge the messages of a bot's moderation.test.yaml and texts.jsonl, in virtual time.

    Ends with 1 if one comes out wrong.
    """
    from framework.definition.loader import find_bot
    from framework.moderation.examples import FILE, run_examples
    from framework.moderation.files import read_moderation

    folder = find_bot(bot)
    file = read_moderation(folder)
    if file is None:
        raise UsageError(f"{folder} has no moderation.yaml", hint="docs/moderation.md says how to write one.")
    results = list(run_examples(folder, file))
    if not results:
        raise UsageError(f"{folder} has no {FILE}", hint="List messages with their `outcome` in it.")
    wrong = [one for one in results if one.wrong]
    for one in wrong:
        _write(f"{one.where}: {one.example.text!r}: {one.wrong}")
    _write(f"{len(results) - len(wrong)} of {len(results)} messages come out as they should.")
    if wrong:
        raise typer.Exit(1)


def _guards(bot: str | None) -> Guards:
    from datetime import UTC, datetime

    from framework.definition.loader import bot_names, load_bot
    from framework.moderation.files import read_moderation
    from framework.moderation.guards import Guards

    guards = []
    for name in [bot] if bot else bot_names():
        loaded = load_bot(name)
        file = read_moderation(loaded.folder)
        if file is not None:
            patterns = loaded.definition.channels.join
            guards.append(file.guard(loaded.name, now=lambda: datetime.now(UTC), channels=patterns))
    if not guards:
        raise UsageError(
            f"{bot} has no moderation.yaml" if bot else "no bot has a moderation.yaml",
            hint="docs/moderation.md says how to write one. --words FILE and --personal-data KINDS need none.",
        )
    return Guards.of(guards)


def _check_of(words: Path | None, personal_data: str) -> TextCheck:
    from framework.moderation.text_check import TextCheck
    from framework.moderation.words import TermMatcher, read_terms
    from framework.personal_data import KINDS

    kinds = frozenset(kind.strip() for kind in personal_data.split(",") if kind.strip())
    if unknown := sorted(kinds - KINDS):
        raise UsageError(
            f"{unknown[0]!r} is not a kind of personal data", hint=f"Use some of {', '.join(sorted(KINDS))}."
        )
    if words is None and not kinds:
        raise UsageError("there is nothing to look for", hint="Give --words FILE or --personal-data email,phone.")
    return TextCheck(TermMatcher(read_terms(words)) if words else None, kinds)


def _check_one(judge: Judge, line: str, number: int, *, as_json: bool, typed: bool) -> bool:
    from framework.cli.screen import show_error

    try:
        text = _text_of(line, number) if as_json and typed else line
    except UsageError as error:
        if as_json:
            _write(json.dumps({"line": number, "error": str(error)}, ensure_ascii=False))
        else:
            show_error(error)
        return False
    began = time.perf_counter()
    record = judge.record(text)
    seconds = round(time.perf_counter() - began, 6)
    if as_json:
        _write(json.dumps({"text": text, **record, "seconds": seconds}, ensure_ascii=False))
    else:
        _write("\n".join(judge.lines(text, record)))
    return True


def _text_of(line: str, number: int) -> str:
    where = f"line {number}"
    if len(line) > LONGEST_LINE:
        raise UsageError(f"is longer than {LONGEST_LINE:,} characters", where=where, hint="Give one text a line.")
    if not line.lstrip().startswith(("{", '"')):
        return line
    try:
        value = json.loads(line)
    except RecursionError:
        raise UsageError("is nested too deeply", where=where, hint="Give one object a line.") from None
    except ValueError as error:
        raise UsageError(f"is not valid JSON: {error}", where=where, hint="Give one object a line.") from None
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise UsageError("holds no text", where=where, hint='Write {"text": "..."} or a JSON string.')
    return text


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
