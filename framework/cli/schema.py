"""`schema`: the JSON Schema of bot.yaml, for editors, and its reference, for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from framework.errors import UsageError
from framework.private_files import readable_by_others


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of printing.")
    ] = None,
    campaign: Annotated[
        bool, typer.Option("--campaign", help="That of campaigns/NAME.yaml instead of that of bot.yaml.")
    ] = False,
    docs: Annotated[
        Path | None, typer.Option("--docs", help="Renew the reference of all keys in this Markdown file instead.")
    ] = None,
) -> None:
    """Print the JSON Schema of bot.yaml, or of campaigns. Editors find it by the first line of each file."""
    from framework.campaigns.model import CampaignDefinition
    from framework.definition.schema import schema_of, schema_text

    text = schema_text(schema_of(CampaignDefinition, "campaigns/NAME.yaml") if campaign else None)
    if docs is not None:
        _renew(docs)
    elif output is None:
        sys.stdout.write(text)
    else:
        with readable_by_others():
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, encoding="utf-8")


def _renew(file: Path) -> None:
    from framework.definition.reference import renewed

    if not file.is_file():
        raise UsageError(f"There is no {file}.", hint="The reference stands in docs/reference/bot-yaml.md.")
    try:
        text = renewed(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{file}: {error}.", hint="Add them where the reference is to stand.") from None
    file.write_text(text, encoding="utf-8")
