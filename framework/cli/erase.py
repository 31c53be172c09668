"""`erase`: let go of all that is kept of a person."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.definition.model import Bot


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(erase)


def erase(
    user: Annotated[str, typer.Argument(help="The user's id in the chat.")],
    bots: Annotated[list[str] | None, typer.Argument(help="Whose tools are asked; without any, all bots.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Erase what is kept about a person: facts, summaries, jobs, approvals, feedback, handovers, the arguments in the
    audit log, usage, and what tools keep (by `forget(user_id)` in tools.py).

    The chat service deletes messages itself. Bots may run meanwhile, and the person may write. Turns of the person that
    run at that moment are waited for, up to 30 s. Those that still run then are counted as `running`: erase once more
    when they have ended. A `user.deleted` event does the same.
    """
    from framework.app.environment import logging_for, prepare_data
    from framework.runtime.erasure import Eraser
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="warning")
    prepare_data(settings.data)
    counts = asyncio.run(Eraser(_bots(bots or []), settings)(user))
    if as_json:
        sys.stdout.write(json.dumps({"user": user, "erased": dict(counts)}) + "\n")
        return
    _say(user, counts)


def _bots(names: list[str]) -> list[Bot]:
    from framework.definition.loader import bots_folder, load_bot

    if not names:
        folder = bots_folder()
        names = sorted(file.parent.name for file in folder.glob("*/bot.yaml")) if folder.is_dir() else []
    return [load_bot(name) for name in names]


def _say(user: str, counts: Mapping[str, int]) -> None:
    from framework.cli.screen import out

    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count and kind != "running")
    out().print(f"{user}: {told or 'nothing is kept'}", markup=False)
    if counts.get("running"):
        out().print(f"{counts['running']} turns of this person run just now: erase once more when they ended.")
