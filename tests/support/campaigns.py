"""A market with customers: a real sandbox, a bot with campaigns, and a database that several processes share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from framework.app.campaigns import make_campaigns
from framework.campaigns.campaigns import BotCampaigns
from framework.campaigns.run import CampaignRun
from framework.campaigns.sender import Sender
from framework.definition.model import Bot
from framework.settings import Settings
from framework.storage import Storage
from framework.stream.campaigns import StreamCampaigns
from framework.stream.factory import open_campaigns, open_chat_service
from framework.stream.timing import Timing
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.stages import official_sdk, settings_for
from tests.support.steps import ProcessGoneError

BOT = "market-bot"
BOT_FILE = f"identity: {{user_id: {BOT}, name: Market}}\nchannels: ['messaging:*']\nprompt: prompt.md.j2\n"


def bot_folder(folder: Path, files: dict[str, str], bot: str = BOT_FILE) -> Bot:
    """A bot with these campaigns, by the name of the file."""
    (folder / "campaigns").mkdir(parents=True, exist_ok=True)
    (folder / "bot.yaml").write_text(bot)
    (folder / "prompt.md.j2").write_text("You are {{ bot_name }}.\n")
    for name, text in files.items():
        (folder / "campaigns" / (name if "." in name else f"{name}.yaml")).write_text(text)
    return Bot.load(folder)


@dataclass
class Market:
    """What a test acts upon. `ahead` is how far the clock of campaigns is put forward; the sandbox has the real one."""

    running: RunningSandbox
    sdk: Any
    settings: Settings
    bot: Bot
    chat: StreamCampaigns
    url: str
    ahead: timedelta = timedelta()
    storages: list[Storage] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def process(self, name: str = "one") -> BotCampaigns:
        """The campaigns as another process has them."""
        storage = Storage(self.url)
        self.storages.append(storage)
        return make_campaigns(self.bot, self.settings, self.chat, storage, Timing(now=self.now), name=name)

    async def people(self, users: Iterable[dict[str, Any]]) -> None:
        """Make customers known."""
        everybody = [{"name": str(user["id"]).title(), "customer": True, **user} for user in users]
        for begin in range(0, len(everybody), 100):
            await self.sdk.upsert_users(everybody[begin : begin + 100])

    def got(self) -> Counter[str]:
        """How many messages of campaigns each person got."""
        from framework.sandbox.features.campaigns.record import CAMPAIGNS

        sent = (entry for one in self.running.sandbox.store[CAMPAIGNS] for entry in one.sent)
        return Counter(user_id for user_id, _, _ in sent)

    def texts(self) -> dict[str, str]:
        """What each person read last."""
        from framework.sandbox.chat.messages.record import MESSAGES
        from framework.sandbox.features.campaigns.record import CAMPAIGNS

        store = self.running.sandbox.store
        found: dict[str, str] = {}
        for one in store[CAMPAIGNS]:
            for user_id, _, message_id in one.sent:
                message = store[MESSAGES].get(message_id)
                found[user_id] = message.text if message is not None else ""
        return found

    async def says(self, user_id: str, text: str) -> None:
        """A person writes to the bot."""
        channel = self.sdk.channel("messaging", data={"members": [user_id, BOT]})
        await channel.create(user_id)
        await channel.send_message({"text": text}, user_id)

    async def to_end(self, campaigns: BotCampaigns, run: CampaignRun) -> CampaignRun:
        """Bring a run on until it ends."""
        while run.state == "running":
            run = await campaigns.sender.advance(run.id)
            await asyncio.sleep(0.02)
        return run


def dying(campaigns: BotCampaigns, point: str) -> Sender:
    """A sender whose process is killed at a point."""

    async def reached(at: str) -> None:
        if at == point:
            raise ProcessGoneError

    return Sender(campaigns.ledger, campaigns.chat, now=campaigns.now, driver=f"dying at {point}", reached=reached)


@asynccontextmanager
async def open_market(
    folder: Path, files: dict[str, str], *, url: str = "", rate: int = 10_000, bot: str = BOT_FILE
) -> AsyncIterator[Market]:
    """A sandbox, the bot's user in it, and its campaigns."""
    async with start_sandbox(campaign_rate=rate) as running, official_sdk(running) as sdk:
        settings = settings_for(running, data=folder / "data")
        made = bot_folder(folder / "bot", files, bot)
        service = open_chat_service(settings, made.definition.identity)
        await service.open()
        await service.close()
        chat = open_campaigns(settings)
        market = Market(running, sdk, settings, made, chat, url or f"sqlite:///{folder / 'engine.db'}")
        try:
            yield market
        finally:
            await chat.close()
            for storage in market.storages:
                storage.close()
