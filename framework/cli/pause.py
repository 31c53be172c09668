"""`pause` and `resume`: keep a bot silent, everywhere or in one channel, in all replicas."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.bot_argument import complete_bot
from framework.errors import UsageError

if TYPE_CHECKING:
    from framework.runtime.state.pauses import Pauses

BotName = Annotated[str, typer.Argument(metavar="BOT", help="The bot.", autocompletion=complete_bot)]
Channel = Annotated[str, typer.Argument(metavar="[CHANNEL]", help="TYPE:ID of one channel. [default: all]")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pause)
    app.command()(resume)


def pause(bot: BotName, channel: Channel = "") -> None:
    """Pause a bot, everywhere or in one channel: all its replicas are silent within a second, also after a restart.

    What is written meanwhile is not answered later. Answers under way are completed.
    """
    asyncio.run(_pause(_name_of(bot), _checked(channel)))


def resume(bot: BotName, channel: Channel = "") -> None:
    """End a pause."""
    asyncio.run(_resume(_name_of(bot), _checked(channel)))


async def _pause(bot: str, channel: str) -> None:
    pauses, by = open_pauses(), getpass.getuser()
    await pauses.pause(bot, channel, by)
    _say(f"{bot} is paused{f' in {channel}' if channel else ''}.")


async def _resume(bot: str, channel: str) -> None:
    if not await open_pauses().resume(bot, channel):
        raise UsageError(f"{bot} is not paused{f' in {channel}' if channel else ''}.", hint="The console lists pauses.")
    _say(f"{bot} is at work{f' in {channel}' if channel else ''} again.")


def _name_of(bot: str) -> str:
    from framework.definition.loader import load_bot

    return load_bot(bot).name


def _checked(channel: str) -> str:
    if channel and ":" not in channel:
        raise UsageError(f"{channel!r} is not a channel.", hint="Write TYPE:ID, as in messaging:support-1.")
    return channel


def open_pauses() -> Pauses:
    """Return the pauses in the database of the environment."""
    from framework.runtime.state.pauses import Pauses
    from framework.settings import load_settings
    from framework.storage import Storage

    storage = Storage(load_settings().database.get_secret_value())
    return Pauses(storage, now=lambda: datetime.now(UTC), monotonic=time.monotonic)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
