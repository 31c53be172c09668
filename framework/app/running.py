"""A bot at work: its definition, its agents, its view of the chat service and its stores, put together."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from framework.agent.build.channel_agents import ChannelAgents
    from framework.agent.conversation import Agent
    from framework.app.additions import Additions
    from framework.app.app_bot import AppBot
    from framework.approvals import ApprovalStore
    from framework.budget.usage import UsageBook
    from framework.campaigns.campaigns import BotCampaigns
    from framework.definition.model import Bot
    from framework.insight.history import HistoryWriter
    from framework.insight.turn_texts import TurnTexts
    from framework.outbound import Screen
    from framework.promises.store import PromiseStore
    from framework.runtime.core.bot import Erase, RunningBot
    from framework.runtime.state.feedback import FeedbackLog
    from framework.runtime.state.handover_book import HandoverBook
    from framework.runtime.state.pauses import Pauses
    from framework.runtime.state.schedule_book import ScheduleBook
    from framework.settings import Settings
    from framework.stream.model import ChannelRef
    from framework.stream.port import ChatService


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Stores:
    """Where a bot keeps what it spent, what people thought of it, who has which channel, and what waits for a person.

    `usage` None: the process counts for itself. `erase` None: nobody can be erased here. `history` None: none is kept.
    """

    feedback: FeedbackLog
    handovers: HandoverBook
    approvals: ApprovalStore
    usage: UsageBook | None = None
    erase: Erase | None = None
    history: HistoryWriter | None = None
    pauses: Pauses | None = None
    texts: TurnTexts | None = None
    schedules: ScheduleBook | None = None
    promises: PromiseStore | None = None

    @classmethod
    def of(cls, bot: Bot, settings: Settings) -> Stores:
        """Those in the database of `settings`. Opens nothing before its first use."""
        from framework.approvals import ApprovalStore
        from framework.budget.database import DatabaseUsageBook
        from framework.insight.history import HistoryWriter
        from framework.insight.history_database import DatabaseHistory
        from framework.insight.turn_texts import TurnTexts
        from framework.promises.store import PromiseStore
        from framework.runtime.erasure import Eraser
        from framework.runtime.handover.database import DatabaseHandovers
        from framework.runtime.state.feedback_database import DatabaseFeedback
        from framework.runtime.state.pauses import Pauses
        from framework.runtime.state.schedule_book import ScheduleBook
        from framework.storage import Storage

        address = settings.database.get_secret_value()
        storage = Storage(address)
        return cls(
            DatabaseFeedback(storage, settings.data / "feedback.jsonl"),
            DatabaseHandovers(storage),
            ApprovalStore(storage, now=_utc_now),
            DatabaseUsageBook(address),
            Eraser([bot], settings),
            HistoryWriter(DatabaseHistory(storage)) if settings.history else None,
            Pauses(storage, now=_utc_now, monotonic=time.monotonic),
            TurnTexts(storage) if settings.keep_text else None,
            ScheduleBook(storage, now=_utc_now),
            PromiseStore(storage, now=_utc_now),
        )

    @classmethod
    def kept(cls, before: RunningBot, bot: Bot, settings: Settings) -> Stores:
        """Those of a bot whose files were edited: it keeps what was spent and what people thought of it."""
        fresh = cls.of(bot, settings)
        return cls(
            before.feedback or fresh.feedback,
            before.handovers,
            before.approvals or fresh.approvals,
            before.usage or fresh.usage,
            fresh.erase,
            before.history,
            before.pauses,
            before.texts,
            before.schedules,
            before.promises,
        )


def make_running(
    bot: Bot,
    settings: Settings,
    service: ChatService,
    agents: ChannelAgents,
    *,
    stores: Stores | None = None,
    watch: Callable[[Agent], Agent] | None = None,
    additions: Additions | None = None,
) -> RunningBot:
    """Return a bot at work, with what its definition says of single channels. `stores`: without them, those in the
    database of `settings`. `watch` puts something in front of each agent. `additions` are the rules and observers of
    the app.
    """
    from framework.definition.overrides import effective
    from framework.runtime.core.bot import RunningBot, Setup

    definition = bot.definition
    stores = stores or Stores.of(bot, settings)
    seen = watch or _as_it_is

    def at_channel(channel: ChannelRef) -> Setup:
        cid = str(channel)
        return Setup(effective(definition, cid), seen(agents.at(cid)))

    def screen_at(channel: ChannelRef | None) -> Screen:
        return agents.screen(None if channel is None else str(channel))

    service.screen_with(lambda channel, text, partial: screen_at(channel)(text, partial=partial))
    return RunningBot(
        bot.name,
        definition,
        service,
        seen(agents.root),
        at_channel if definition.overrides else None,
        stores.usage,
        stores.feedback,
        stores.handovers,
        stores.approvals,
        screen_at,
        stores.erase,
        tuple(additions.rules) if additions else (),
        tuple(additions.observers) if additions else (),
        stores.history,
        pauses=stores.pauses,
        texts=stores.texts,
        schedules=stores.schedules,
        promises=stores.promises,
    )


def _campaigns_of(bot: Bot, settings: Settings) -> BotCampaigns:
    from framework.app.campaigns import make_campaigns
    from framework.storage import Storage
    from framework.stream.factory import open_campaigns
    from framework.stream.timing import Timing

    storage = Storage(settings.database.get_secret_value())
    return make_campaigns(bot, settings, open_campaigns(settings), storage, Timing(), name="bot")


def _as_it_is(agent: Agent) -> Agent:
    return agent


@contextlib.asynccontextmanager
async def open_bot(entry: AppBot, settings: Settings, agents: ChannelAgents) -> AsyncIterator[RunningBot]:
    """A bot with its view of the chat service. Service, agents and stores are closed at the end."""
    from framework.runtime.state.feedback_database import DatabaseFeedback
    from framework.stream.factory import open_chat_service

    bot = entry.bot
    agents.connect(settings)
    service = open_chat_service(settings, bot.definition.identity)
    running = make_running(bot, settings, service, agents, additions=entry.additions)
    running.campaigns = _campaigns_of(bot, settings)
    try:
        if isinstance(running.feedback, DatabaseFeedback):
            await running.feedback.take_over()
        yield running
    finally:
        await service.close()
        await agents.aclose()
        if running.usage is not None:
            await running.usage.close()
        await running.handovers.close()
        await running.campaigns.close()
        if running.history is not None:
            await running.history.close()
        if running.approvals is not None:
            running.approvals.close()
