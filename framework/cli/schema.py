"""`schema`: the JSON Schema of bot.yaml, for editors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; without it, print.")
    ] = None,
) -> None:
    """Print the JSON Schema of bot.yaml. Editors find it by the first line of each bot.yaml."""
    from framework.definition.schema import schema_text

    if output is None:
        sys.stdout.write(schema_text())
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(schema_text(), encoding="utf-8")
