"""Write docs/reference/: the keys of YAML files and the settings from their models, the commands from the command line.

Run it after a change of these: `python -m scripts.reference`. `tests/docs/test_reference.py` compares the pages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from framework.campaigns.model import CampaignDefinition
from framework.cli.main import app
from framework.definition.reference import BEGIN, END, reference
from framework.moderation.rules.model import Moderation, Rule, When
from framework.moderation.rules.outcome import Action, Outcome
from framework.settings import Settings
from framework.testing.scenario import Scenario

_KINDS = {
    "list[str]": "TEXT ...",
    "str": "TEXT",
    "int": "NUMBER",
    "int range": "NUMBER",
    "file": "FILE",
    "path": "PATH",
}
_NOTES = re.compile(r"\s*\[((?:default|env var): [^\]]*|required|-?\d+<=x[^\]]*)\]")
_BOUNDS = re.compile(r"(-?\d+)<=x<=(\d+)")
FOLDER = Path(__file__).parent.parent / "docs" / "reference"
_PROGRAM = "python -m framework"
_KEYS = f"""# Keys of bot.yaml

Every key that a bot's `bot.yaml` may have, section by section, with its type, its default and an example.
[A bot is a folder](../bots.md) explains how the keys work together.
[How values are written](../bots.md#how-values-are-written) says what a duration or a pattern looks like.
`python -m framework check BOT` names every mistake with its line.

{BEGIN}

{{keys}}
{END}
"""
_TESTS = """# Keys of conversation tests

Every key of a file in a bot's folder `conversations/`, section by section.
[Test a bot](../testing.md) explains how they work together. `history` takes the same steps as `turns`.
This page is made from the program by `python -m scripts.reference`.

{keys}"""
_COMMANDS = f"""# Commands

Every command and every option. `agents-in-channels` and `{_PROGRAM}` are the same program.
This page is made from the program by `python -m scripts.reference`.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.

{{commands}}"""
_MODERATION = """# Keys of moderation.yaml

Every key that a `moderation.yaml` may have. [Moderation](../moderation.md) explains how the keys work together.
This page is made from the program by `python -m scripts.reference`.

## The file

{file}

## A rule

{rule}

## `when`: the conditions

All that are given have to hold.

{when}

## `do`: the outcome

A word: {outcomes}, from the weakest to the strongest. Or a key with its value, such as `{{mute: 10m}}`. With `mute` or
`ban` alone the message is rejected, too.

{do}
"""
_CAMPAIGNS = """# Keys of campaigns

Every key that a file `campaigns/NAME.yaml` in a bot's folder may have. [Campaigns](../campaigns.md) explains how the
keys work together. This page is made from the program by `python -m scripts.reference`.

{keys}"""
_SETTINGS = """# Settings

A setting is a variable of the environment, or a line of a file `.env` in the folder where the program starts. The
environment wins. This page is made from the program by `python -m scripts.reference`.

| variable | default | meaning |
|---|---|---|
{rows}
| `FRAMEWORK_INHERIT` |  | Names of variables, separated by commas, that programs started by tools get although they \
look like secrets. |

The command `sandbox` has variables of its own, see [Commands](commands.md#sandbox).

## Secrets

The program hides each variable that looks like a secret when it starts: `*_SECRET`, `*_TOKEN`, `*_PASSWORD`,
`*_API_KEY`, `AWS_*`, an address with a password, and the like. No program that a command or a tool starts inherits one.
A tool reads it by its name, `os.environ["SHOP_TOKEN"]`, and passes it on if it needs to. Only this machine's user can
read the data folder.

The secret of the Stream app signs tokens, and leaves the process in no other way. The bot connects with a token of its
own that lives for an hour and is renewed. Each operation is executed with a token that lives for a minute.
"""


def keys_page() -> str:
    """The page about bot.yaml."""
    return _KEYS.format(keys=reference())


def tests_page() -> str:
    """The page about conversation tests."""
    return _TESTS.format(keys=reference(Scenario, once=True))


def commands_page() -> str:
    """The page about the command line."""
    return _COMMANDS.format(commands="\n".join(_sections(typer.main.get_command(app), _PROGRAM)))


def moderation_page() -> str:
    """The page about moderation.yaml."""
    return _MODERATION.format(
        file=_keys_of(Moderation),
        rule=_keys_of(Rule),
        when=_keys_of(When),
        do=_keys_of(Action),
        outcomes=", ".join(f"`{one}`" for one in Outcome),
    )


def campaigns_page() -> str:
    """The page about campaigns/NAME.yaml."""
    return _CAMPAIGNS.format(keys=reference(CampaignDefinition))


def _keys_of(part: type[BaseModel]) -> str:
    rows = [
        f"| `{field.alias or name}` | {_default(field)} | {field.description} | {_example(field)} |"
        for name, field in part.model_fields.items()
    ]
    return "\n".join(["| key | default | meaning | example |", "|---|---|---|---|", *rows])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, timedelta):
        return f"`{value.total_seconds():g}s`"
    return "" if not value or field.default_factory is not None else f"`{value}`"


def _example(field: FieldInfo) -> str:
    example = field.examples[0] if field.examples else ""
    if isinstance(example, list):
        return f"`[{', '.join(map(str, example))}]`"
    return f"`{example}`" if example != "" else ""


def settings_page() -> str:
    """The page about the environment."""
    rows = [
        f"| `{variable_of(name)}` | {_set(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _SETTINGS.format(rows="\n".join(rows))


def pages() -> dict[Path, str]:
    """Each generated page with its text."""
    made = {
        "bot-yaml.md": keys_page(),
        "campaign-yaml.md": campaigns_page(),
        "moderation-yaml.md": moderation_page(),
        "conversation-tests.md": tests_page(),
        "commands.md": commands_page(),
        "settings.md": settings_page(),
    }
    return {FOLDER / name: text for name, text in made.items()}


def variable_of(name: str) -> str:
    """The variable of a field of the settings."""
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name.upper()


def _set(field: FieldInfo) -> str:
    value = field.default
    return "" if value is None else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _sections(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - Typer's own classes, which it does not export
    """One section a command, those of a group behind it."""
    for name, sub in getattr(command, "commands", {}).items():
        if sub.hidden:
            continue
        full = f"{path} {name}"
        yield _section(sub, full)
        yield from _sections(sub, full)


def _section(command: Any, path: str) -> str:  # noqa: ANN401 - as above
    context = command.context_class(command, info_name=path)
    usage = command.get_usage(context).removeprefix("Usage: ")
    records = [parameter.get_help_record(context) for parameter in command.params]
    rows = [_row(*record) for record in records if record is not None]  # None: hidden
    parts = [f"## `{path.removeprefix(_PROGRAM).strip()}`", f"```text\n{usage}\n```", _paragraphs(command.help or "")]
    if rows:
        parts.append("\n".join(["| argument or option | default | what for |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str) -> str:
    """A help text as Markdown: lines of one paragraph are joined, as a terminal would wrap them anew."""
    return "\n\n".join(" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip()))


def _row(names: str, text: str) -> str:
    """One line of the table. Typer writes default, bounds and variable in brackets behind the help text."""
    name, _, kind = names.partition(" <")
    notes = [note for group in _NOTES.findall(text) for note in group.split("; ")]
    default = next((note.removeprefix("default: ") for note in notes if note.startswith("default: ")), "")
    text = _NOTES.sub("", text).strip()
    text += "".join(f" Also by `{note.removeprefix('env var: ')}`." for note in notes if note.startswith("env var: "))
    text += "".join(f" From {low} to {high}." for low, high in _BOUNDS.findall(" ".join(notes)))
    takes = _KINDS.get(kind.removesuffix(">"), kind.removesuffix(">").upper())
    shown = f"{name} {takes}" if takes and name.startswith("-") else name
    cells = [f"`{shown}`", "required" if "required" in notes else default, text]
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    for file, text in pages().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file}\n")
