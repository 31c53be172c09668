"""`reply`: answer the newest message of a channel, once, and end."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.runtime.one_shot import OneShot
    from framework.settings import Settings
    from framework.stream.model import ChannelRef


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reply)


def reply(
    bot: Annotated[str, typer.Argument(help="A name under bots/, or a path to a folder with a bot.yaml.")],
    channel: Annotated[str, typer.Option(help="The channel, as TYPE:ID.")],
    last: Annotated[
        int | None, typer.Option(min=1, max=300, help="How many messages to read. [default: as declared]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read the last messages of a channel, generate a reply, post it as the bot, and print its message id.

    The same newest message gets the same reply id: a second call posts nothing and prints the id again.
    """
    from framework.cli.assembly import logging_for, prepare_data
    from framework.definition.loader import load_bot
    from framework.settings import load_settings
    from framework.stream.model import ChannelRef

    settings = load_settings()
    logging_for(settings, level="warning")
    where = ChannelRef.parse(channel)
    loaded = load_bot(bot)
    prepare_data(settings.data)
    done = asyncio.run(_reply(loaded, settings, where, last))
    if as_json:
        record = {"message_id": done.message_id, "posted": done.posted, "text": done.text, "outcome": done.outcome}
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(done.message_id + "\n")


async def _reply(bot: Bot, settings: Settings, channel: ChannelRef, last: int | None) -> OneShot:
    from contextlib import AsyncExitStack

    from framework.cli.assembly import open_bot
    from framework.cli.local_sandbox import local_sandbox
    from framework.runtime.one_shot import reply_once

    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        running = await stack.enter_async_context(open_bot(bot, settings))
        return await reply_once(running, channel, last=last or bot.definition.context.messages)
