"""`reply`: answer the newest message of a channel, once, and end."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from framework.cli.bot_argument import BotName

if TYPE_CHECKING:
    from framework.app.app import App
    from framework.runtime.one_shot import ChannelReply


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reply)


def reply(
    bot: BotName,
    channel: Annotated[str, typer.Option(help="The channel, as TYPE:ID.")],
    last: Annotated[
        int | None, typer.Option(min=1, max=300, help="How many messages to read. [default: as declared]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read the last messages of a channel, generate a reply, post it as the bot, and print its message id.

    The same newest message gets the same reply id: a second call posts nothing and prints the id again.
    """
    from framework.app.app import App
    from framework.app.environment import logging_for
    from framework.definition.loader import load_bot
    from framework.settings import load_settings
    from framework.stream.model import ChannelRef

    settings = load_settings()
    logging_for(settings, level="warning")
    ChannelRef.parse(channel)  # a wrong one is told before anything is opened
    loaded = load_bot(bot)
    app = App(settings)
    app.add(loaded)
    done = asyncio.run(_reply(app, channel, last))
    if as_json:
        record = {"message_id": done.message_id, "posted": done.posted, "text": done.text, "outcome": done.outcome}
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(done.message_id + "\n")


async def _reply(app: App, channel: str, last: int | None) -> ChannelReply:
    async with app:
        return await app.reply(channel, last=last)
