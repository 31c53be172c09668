"""The campaigns of a bot, put together for commands and for running bots."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from framework.stream.timing import Timing

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns
    from framework.campaigns.files import CampaignFile
    from framework.campaigns.plan import Screened
    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.storage import Storage
    from framework.stream.campaigns import StreamCampaigns


def make_campaigns(
    bot: Bot, settings: Settings, chat: StreamCampaigns, storage: Storage, timing: Timing, *, name: str
) -> BotCampaigns:
    """Put together what sends a bot's campaigns. `name` tells this use of the process from others."""
    from framework.campaigns.campaigns import BotCampaigns

    def screen(file: CampaignFile) -> Screened:
        return _screen(file, settings)

    driver = f"{name} {socket.gethostname()} {os.getpid()}"
    return BotCampaigns.of(bot, chat, storage, app=chat.app, screen=screen, now=timing.now, driver=driver)


def _screen(file: CampaignFile, settings: Settings) -> Screened:
    """What the bot may post. The domains that the campaign itself names may be linked to; what its moderation.yaml
    refuses in any channel is refused.
    """
    from framework.agent.outgoing import own_texts_of, refusal, screen_for
    from framework.outbound import domains_in

    named = domains_in("\n".join([*(text.source for text in file.texts.values()), *map(str, file.campaign.variables)]))
    screen = screen_for(file.bot, named, settings, embedded=True)
    rules = own_texts_of(file.bot, settings, Timing().now, with_model=False)
    return screen if rules is None else screen.with_rules(rules.at(None, refusal(file.bot.definition.phrases)))


@asynccontextmanager
async def opened_campaigns(bot: Bot, settings: Settings) -> AsyncIterator[BotCampaigns]:
    """The campaigns of a bot, for a command. The bot's user exists then. Raises FrameworkError."""
    from framework.app.environment import prepare_data
    from framework.app.local_sandbox import local_sandbox
    from framework.storage import Storage
    from framework.stream.factory import open_campaigns, open_chat_service

    prepare_data(settings.data)
    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        service = open_chat_service(settings, bot.definition.identity)
        stack.push_async_callback(service.close)
        await service.open()
        chat = open_campaigns(settings)
        stack.push_async_callback(chat.close)
        storage = Storage(settings.database.get_secret_value())
        stack.callback(storage.close)
        yield make_campaigns(bot, settings, chat, storage, Timing(), name="campaign")
