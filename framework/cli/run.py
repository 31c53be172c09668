"""`run`: the main job. Bots answer in their channels until they are stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from framework.app.app import App
    from framework.app.serving import Ready
    from framework.errors import FrameworkError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    bots: Annotated[
        list[str], typer.Argument(metavar="BOT", help="Names under bots/, or paths to folders with a bot.yaml.")
    ],
) -> None:
    """Run bots: they join their channels and answer until Ctrl-C.

    Without STREAM_API_KEY a sandbox is started beside them, with a page to talk to them. Edited bots are read again
    while they run.
    """
    started = time.monotonic()
    from framework.app.app import App
    from framework.app.bots import load_bots
    from framework.app.environment import logging_for
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings)
    loaded = load_bots(bots)
    app = App(settings)
    for bot in loaded:
        app.add(bot)
    asyncio.run(_serve(app, started))


async def _serve(app: App, started: float) -> None:
    from framework.app.signals import stop_on_signals

    def announce(ready: Ready) -> None:
        """Say that everything is up, and where to go."""
        from framework.cli.banner import show_ready

        with suppress(OSError):  # A terminal that is closed at this moment: its signal ends the run in good order.
            show_ready(ready, time.monotonic() - started)

    with stop_on_signals(None if app.settings.reload == "off" else app.reload) as stop:
        await app.serve(stop, ready=announce, tell=_show)


def _show(error: FrameworkError) -> None:
    import sys

    from framework.cli.screen import show_error

    if sys.stderr.isatty():
        show_error(error)
