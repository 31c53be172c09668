"""`moderation`: what a text holds that must not be said."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from framework.moderation.text_check import TextCheck

LONGEST_LINE = 1_000_000
"""Characters. A longer one is not looked at, and reported."""

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
    group = typer.Typer(name="moderation", help="Look for blocked words and personal data.", no_args_is_help=True)
    group.command(name="check")(check)
    group.callback()(root)
    app.add_typer(group)


def root() -> None:
    """Keep channels clean."""


def check(
    text: Text = "-",
    words: Words = None,
    personal_data: Kinds = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line; lines read may be JSON, too.")
    ] = False,
) -> None:
    """Say what blocked terms and personal data stand in texts.

    With --json, a line of input is a JSON string, an object with `text`, or plain text. A line of output is an object
    with text, outcome (clean or hit), hits (term or kind, how, start, end) and seconds; or with line and error. A line
    that cannot be read is reported, and the others go on. The exit code is 1 if a line could not be read.
    """
    looked_for = _check_of(words, personal_data)
    typed = text == "-"
    failures = 0
    for number, line in enumerate(_lines(sys.stdin) if typed else [text], 1):
        if typed and not line.strip():
            continue
        failures += not _check_one(looked_for, line.rstrip("\r\n"), number, as_json=as_json, typed=typed)
    if failures:
        raise typer.Exit(1)


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


def _lines(stream: TextIO) -> Iterator[str]:
    """Line by line; of one that is too long no more than shows that it is."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith("\n"):
            line = stream.readline(LONGEST_LINE + 1)


def _check_one(looked_for: TextCheck, line: str, number: int, *, as_json: bool, typed: bool) -> bool:
    from framework.cli.screen import show_error
    from framework.moderation.text_check import as_record

    try:
        text = _text_of(line, number) if as_json and typed else line
    except UsageError as error:
        if as_json:
            _write(json.dumps({"line": number, "error": str(error)}, ensure_ascii=False))
        else:
            show_error(error)
        return False
    began = time.perf_counter()
    hits = [as_record(one) for one in looked_for.find(text)]
    seconds = round(time.perf_counter() - began, 6)
    if as_json:
        outcome = "hit" if hits else "clean"
        _write(json.dumps({"text": text, "outcome": outcome, "hits": hits, "seconds": seconds}, ensure_ascii=False))
    else:
        _write("\n".join(_said(text, hits)))
    return True


def _said(text: str, hits: Iterable[dict[str, object]]) -> Iterator[str]:
    found = False
    for hit in hits:
        found = True
        start, end = int(str(hit["start"])), int(str(hit["end"]))
        name = hit.get("term") or hit.get("kind")
        yield f"{start}-{end}  {name} ({hit['how']}): {text[start:end]!r}"
    if not found:
        yield "clean"


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
