"""`run`: the main job. Bots answer in their channels until they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.definition.model import Bot
    from framework.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    bots: Annotated[
        list[str], typer.Argument(metavar="BOT", help="Names under bots/, or paths to folders with a bot.yaml.")
    ],
) -> None:
    """Run bots: they join their channels and answer until Ctrl-C.

    Without STREAM_API_KEY a sandbox is started beside them, with a playground page to talk to them.
    """
    started = time.monotonic()
    from framework.cli.assembly import hide_secrets, load_bots, logging_for, prepare_data
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings)
    loaded = load_bots(bots)
    prepare_data(settings.data)
    hide_secrets()
    asyncio.run(_run(loaded, settings, started))


async def _run(bots: list[Bot], settings: Settings, started: float) -> None:
    from contextlib import AsyncExitStack

    from framework.cli.assembly import open_bot, warm_agents
    from framework.cli.local_sandbox import local_sandbox

    with _stop_on_signals() as stop:
        async with AsyncExitStack() as stack:
            # Imports take seconds, and so does the sandbox: they go side by side, in a thread and a process.
            warming = asyncio.create_task(warm_agents(bots, settings))
            stack.callback(warming.cancel)
            embedded = not settings.has_stream
            if embedded:
                starting = asyncio.create_task(stack.enter_async_context(local_sandbox(settings)))
                if not await _finished(starting, stop):
                    starting.cancel()
                    await asyncio.wait({starting})
                    return
                settings = starting.result()
            if not await _finished(warming, stop):
                return
            from framework.runtime.supervisor import run_bots

            running = [
                await stack.enter_async_context(open_bot(bot, settings, agent=agent))
                for bot, agent in zip(bots, warming.result(), strict=True)
            ]
            await run_bots(running, stop=stop, ready=lambda: _announce(bots, settings, started, embedded=embedded))


async def _finished(task: asyncio.Task[Any], stop: asyncio.Event) -> bool:
    """Wait for a task, or for the stop, whichever comes first. Raises what the task raised."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return task.done()


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C, SIGTERM and the terminal's end set; the last only where nobody asked for it to be ignored
    (nohup). A second Ctrl-C ends at once: whoever presses twice means it.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]

    def on_signal(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _announce(bots: list[Bot], settings: Settings, started: float, *, embedded: bool) -> None:
    """Say that everything is up, and where to go."""
    from framework.cli.banner import show_ready

    show_ready(bots, settings, time.monotonic() - started, embedded=embedded)
