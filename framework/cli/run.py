"""`run`: the main job. Bots answer in their channels until they are stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.bot_argument import complete_bot
from framework.errors import UsageError

if TYPE_CHECKING:
    from framework.app.app import App
    from framework.app.serving import Ready
    from framework.errors import FrameworkError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    bots: Annotated[
        list[str],
        typer.Argument(
            metavar="BOT",
            help="Names under bots/, or paths to folders with a bot.yaml.",
            autocompletion=complete_bot,
        ),
    ],
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port of the sandbox; 0 takes a free one. [default: 8830 or the one it had]"
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address that the sandbox listens on. [default: 127.0.0.1: this machine alone]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for data. [default: FRAMEWORK_DATA or .framework]")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the sandbox's page in the browser.")] = False,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error. [default: FRAMEWORK_LOG_LEVEL or info]")
    ] = None,
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

    given = {"sandbox_port": port, "sandbox_host": host, "data": data and data.expanduser(), "log_level": log_level}
    settings = load_settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    logging_for(settings, people=True)
    if settings.has_stream and (port is not None or host or open_page):
        raise UsageError(
            "--port, --host and --open are about the sandbox, and STREAM_API_KEY names a Stream app.",
            hint="Leave them out, or unset STREAM_API_KEY.",
        )
    loaded = load_bots(bots)
    app = App(settings)
    for bot in loaded:
        app.add(bot)
    asyncio.run(_serve(app, started, open_page=open_page))


async def _serve(app: App, started: float, *, open_page: bool) -> None:
    from framework.app.signals import stop_on_signals

    def announce(ready: Ready) -> None:
        """Say that everything is up, and where to go."""
        from framework.cli.banner import show_ready

        with suppress(OSError):  # A terminal that is closed at this moment: its signal ends the run in good order.
            show_ready(ready, time.monotonic() - started)
        if open_page:
            import webbrowser

            webbrowser.open(f"{ready.settings.base_url}/")

    with stop_on_signals(None if app.settings.reload == "off" else app.reload) as stop:
        await app.serve(stop, ready=announce, tell=_show)


def _show(error: FrameworkError) -> None:
    import sys

    from framework.cli.screen import show_error

    if sys.stderr.isatty():
        show_error(error)
