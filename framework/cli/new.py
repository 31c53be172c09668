"""`new`: make a bot's folder from a template, ready to run."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.called import called_as
from framework.errors import UsageError
from framework.private_files import readable_by_others

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

TEMPLATES = ("support", "moderator", "concierge", "digest")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SUFFIX = ".tmpl"
"""Templates end in it, so that nobody takes a tools.py in there for a module of the framework."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(new)


def new(
    name: Annotated[str, typer.Argument(help="The bot's name: small letters, digits, _ and -.")],
    template: Annotated[str, typer.Option(help="support, moderator, concierge or digest.")] = "support",
    folder: Annotated[Path, typer.Option(help="Where the bots are.")] = Path("bots"),
) -> None:
    """Make a bot that runs at once: bot.yaml, prompt, articles, a tool and conversation tests."""
    from framework.definition.loader import bots_folder, load_bot
    from framework.definition.schema import schema_text

    _check(name, template)
    target = folder / name
    if target.exists():
        raise UsageError(f"{target} is there already.", hint="Choose another name, or remove that folder first.")
    with readable_by_others():  # a project's files, which an image or a colleague reads as well
        made = list(_write(files("framework") / "templates" / template, target, _words(name)))
        schema = folder / "bot.schema.json"
        if not schema.exists():
            schema.write_text(schema_text(), encoding="utf-8")
    load_bot(str(target))
    known = folder.resolve() == bots_folder().resolve()
    _say_what_next(name if known else str(target), target, made)


def _check(name: str, template: str) -> None:
    from difflib import get_close_matches

    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a bot.",
            hint="Begin with a small letter; then small letters, digits, _ and -, 40 at most. For example: my_bot.",
        )
    if template not in TEMPLATES:
        near = get_close_matches(template, TEMPLATES, n=1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"There is no template {template!r}.", hint=f"{guess}There are: {', '.join(TEMPLATES)}.")


def _words(name: str) -> dict[str, str]:
    slug = name.replace("_", "-")
    return {"__NAME__": name, "__SLUG__": slug, "__TITLE__": slug.replace("-", " ").title()}


def _write(source: Traversable, target: Path, words: dict[str, str]) -> Iterator[Path]:
    target.mkdir(parents=True)
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _write(entry, target / entry.name, words)
            continue
        text = entry.read_text(encoding="utf-8")
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        file = target / entry.name.removesuffix(_SUFFIX)
        file.write_text(text, encoding="utf-8")
        yield file


def _say_what_next(bot: str, target: Path, made: list[Path]) -> None:
    from rich.text import Text

    from framework.cli.screen import out

    out().print(Text.assemble(("● ", "green"), (str(target), "bold"), f": {len(made)} files"), soft_wrap=True)
    steps = (
        (f"{called_as()} run {bot}", "talk to it in the browser"),
        (f"{called_as()} chat {bot}", "or in the terminal"),
        (f"{called_as()} test {bot}", "play its conversation tests"),
        (f"{called_as()} check {bot}", "see whether all is right, after each change"),
    )
    width = max(len(command) for command, _ in steps)
    for command, meaning in steps:
        out().print(Text.assemble("  ", (f"{command:<{width}}", "cyan"), f"  {meaning}"), soft_wrap=True)
    out().print(
        Text(f"  Begin with {target / 'bot.yaml'}; docs/reference/bot-yaml.md explains each key.", style="dim"),
        soft_wrap=True,
    )
