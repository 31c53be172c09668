"""The bot of a conversation test: made as the command `run` makes it, with the test's own values."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from framework.agent.build.channel_agents import ChannelAgents
from framework.app.app_bot import AppBot
from framework.app.campaigns import make_campaigns
from framework.app.running import Stores, make_running
from framework.approvals import ApprovalStore
from framework.catalog.factory import open_toolbox
from framework.definition.model import BotDefinition
from framework.promises.store import PromiseStore
from framework.runtime.core.bot import RunningBot
from framework.runtime.state.feedback import MemoryFeedback
from framework.runtime.state.handover_book import MemoryHandovers
from framework.storage import Storage
from framework.stream.factory import open_campaigns, open_chat_service
from framework.stream.model import ChannelRef
from framework.testing.scenario import Opening
from framework.testing.watched import WatchedAgent

if TYPE_CHECKING:
    from framework.settings import Settings
    from framework.stream.timing import Timing

RealTime = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class TestedBot:
    """The bot at work, its agents, and the feedback that it was given."""

    running: RunningBot
    agents: ChannelAgents
    feedback: MemoryFeedback


def place_of(opening: Opening, definition: BotDefinition) -> ChannelRef:
    """The channel of the test, or one that the bot joins."""
    named = opening.channel or next(iter(definition.channels.create), definition.channels.join[0])
    return ChannelRef.parse(named.replace("*", "test").replace("?", "x"))


def with_own_values(entry: AppBot, opening: Opening) -> AppBot:
    """The bot, with the values that the test gives for its channel as the most specific override."""
    own, bot = opening.definition, entry.loaded
    if own is None:
        return entry
    cid = str(place_of(opening, bot.definition))
    before = {pattern: block for pattern, block in bot.definition.overrides.items() if pattern != cid}
    if cid in bot.definition.overrides:
        before[f"{cid[:-1]}?"] = bot.definition.overrides[cid]  # still applied, right before the test's own
    definition = bot.definition.model_copy(update={"overrides": {**before, cid: own}})
    return replace(entry, loaded=replace(bot, definition=definition))


def make_tested_bot(
    entry: AppBot, settings: Settings, timing: Timing, *, called: list[str], real_time: RealTime
) -> TestedBot:
    """Make the bot. `called` takes the names of the tools that it calls; `real_time` is entered while a model outside
    works.
    """
    bot = entry.bot
    agents = ChannelAgents(bot, settings, clock=timing.monotonic, now=timing.now, own=entry.own)
    agents.connect(settings, partial(open_toolbox, timing=timing))
    outside = nullcontext if agents.root.model_label == "embedded" else real_time
    service = open_chat_service(settings, bot.definition.identity, timing=timing)
    feedback = MemoryFeedback()
    approvals = ApprovalStore(Storage(settings.database.get_secret_value()), now=timing.now)
    promises = PromiseStore(Storage.in_memory(), now=timing.now)
    running = make_running(
        bot,
        settings,
        service,
        agents,
        stores=Stores(feedback, MemoryHandovers(), approvals, promises=promises),
        watch=lambda agent: WatchedAgent(agent, called, outside),
        additions=entry.additions,
    )
    chat = open_campaigns(settings, timing=timing)
    running.campaigns = make_campaigns(bot, settings, chat, Storage.in_memory(), timing, name="test")
    return TestedBot(running, agents, feedback)
