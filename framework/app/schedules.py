"""Run a schedule of a bot now, for a command."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from framework.agent.conversation import AgentEvent, Conversation
    from framework.definition.model import Bot
    from framework.definition.parts.triggers import Trigger
    from framework.settings import Settings


class _NoAgent:
    """Stands for the agent in a process that only hands turns over to others."""

    def stream(self, conversation: Conversation) -> AsyncIterator[AgentEvent]:
        raise AssertionError("a command runs no turn")

    async def summarise(self, conversation: Conversation) -> str:
        raise AssertionError("a command runs no turn")


async def begin_campaign_now(bot: Bot, trigger: Trigger, settings: Settings) -> dict[str, str]:
    """Begin a run of the campaign of a schedule, to the whole audience. Whoever runs the bot sends it.

    Returns the name of the campaign and the number of the run. Raises FrameworkError if it would go to nobody.
    """
    from framework.app.campaigns import opened_campaigns
    from framework.runtime.intake.schedule import name_of
    from framework.runtime.intake.scheduled_campaigns import by_hand

    async with opened_campaigns(bot, settings) as campaigns:
        file = campaigns.file(trigger.campaign)
        run = await campaigns.begin(file, by_hand(name_of(trigger), campaigns.now()), repeats=True)
        return {"campaign": run.campaign, "run": str(run.number)}


async def run_now(bot: Bot, trigger: Trigger, settings: Settings, *, channel: str = "") -> dict[str, str]:
    """Hand one turn of a schedule to the engine for each channel in which it runs, or for this one.

    Returns the keys of the turns by channel. Raises UsageError if the schedule has run in no channel yet and none is
    named, EngineError and ChatServiceError.
    """
    from framework.app.environment import prepare_data
    from framework.app.local_sandbox import local_sandbox
    from framework.app.serving import open_database
    from framework.runtime.core.bot import RunningBot
    from framework.runtime.core.job import TurnRequest
    from framework.runtime.intake.schedule import name_of
    from framework.runtime.intake.synthetic_messages import synthetic_by_schedule
    from framework.runtime.state.schedule_book import ScheduleBook
    from framework.storage import Storage
    from framework.stream.factory import open_chat_service
    from framework.stream.model import ChannelRef, User

    if trigger.digest:
        if channel not in ("", trigger.digest.to):
            raise UsageError(
                f"The digest goes into {trigger.digest.to} alone, not into {channel}.", hint="Leave out --channel."
            )
        channel = trigger.digest.to
    named = [ChannelRef.parse(channel)] if channel else []
    prepare_data(settings.data)
    async with AsyncExitStack() as stack:
        if not settings.has_stream:
            settings = await stack.enter_async_context(local_sandbox(settings))
        identity = bot.definition.identity
        service = open_chat_service(settings, identity)
        stack.push_async_callback(service.close)
        storage = Storage(settings.database.get_secret_value())
        stack.callback(storage.close)
        engine = await asyncio.to_thread(open_database, settings)
        stack.push_async_callback(engine.close)
        now, name = datetime.now(UTC), name_of(trigger)
        running = RunningBot(bot.name, bot.definition, service, _NoAgent())
        book = ScheduleBook(storage, now=lambda: now)
        places = named or [ChannelRef.parse(place) for place in await book.places(running.scope, name)]
        if not places:
            raise UsageError(
                f"The bot {bot.name} has met no channel yet in which {name} runs.",
                hint=f"Start the bot (run {bot.name}), or name a channel: schedule run {name} --channel TYPE:ID",
            )
        keys = {}
        for place in places:
            user = User(identity.user_id, identity.name, is_bot=True)
            message, cause = synthetic_by_schedule(place, trigger, name, now, now, user)
            job = TurnRequest(running, message, "live", cause).job(now=now)
            await engine.enqueue(job)
            keys[str(place)] = job.key
        return keys
