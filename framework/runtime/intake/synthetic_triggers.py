"""What starts turns beside messages: reactions, new members, apps' events, schedules, silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from framework.definition.model import BotDefinition
from framework.definition.parts.triggers import MESSAGE_KINDS, Trigger
from framework.engine.port import Engine
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import TurnRequest
from framework.runtime.core.triggers import from_a_person
from framework.runtime.intake.schedule import AHEAD, LATE, due, due_of, name_of
from framework.runtime.intake.synthetic_messages import (
    Happening,
    Synthetic,
    not_from_server,
    synthetic_by_schedule,
    synthetic_by_silence,
    synthetic_of,
)
from framework.stream.model import ChannelRef, ChannelState, CustomEvent, Message, User
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)

LOOK = 20.0
"""Seconds between two looks at schedules and silences; both are handed over ahead of their time."""
_LATE_SILENCE = timedelta(minutes=15)


class SyntheticTriggers:
    """Hands to the engine what starts without a message. Its key follows from what happened, so twice does no harm.

    Raises EngineError if the engine cannot keep it; the next look hands over again what it can.
    """

    def __init__(
        self, bot: RunningBot, engine: Engine, timing: Timing, channels: Callable[[], Iterable[ChannelRef]]
    ) -> None:
        self._bot = bot
        self._engine = engine
        self._timing = timing
        self._channels = channels
        self._handed_until: dict[tuple[ChannelRef, str], datetime] = {}
        self._has_looked = False
        self._told: set[tuple[str, ...]] = set()
        self._since: dict[ChannelRef, datetime] = {}
        self._last: dict[ChannelRef, Message] = {}

    async def take(self, event: Happening) -> bool:
        """Something happened. False: no trigger, or known already."""
        definition = self._bot.at(event.channel).definition
        made = synthetic_of(event, definition, bot_user_id=self._bot.user_id, now=self._timing.now())
        if made is None and isinstance(event, CustomEvent):
            self._tell_why_not(event, definition)
        return made is not None and await self._accept(made)

    def _tell_why_not(self, event: CustomEvent, definition: BotDefinition) -> None:
        """Say once for each trigger that an event of a member's starts nothing: the owner may have meant it to."""
        trigger = not_from_server(event, definition, bot_user_id=self._bot.user_id)
        if trigger is None or trigger.values in self._told:
            return
        self._told.add(trigger.values)
        _log.warning(
            "event.not_from_server",
            bot=self._bot.name,
            event_kind=event.kind,
            user=event.user.id,
            hint=f"Only the app's server starts turns by events: send it as the user {self._bot.user_id!r}, or name "
            "the server's account in the trigger's `sent_by`.",
        )

    def heard(self, message: Message) -> None:
        """Somebody wrote: silence begins anew."""
        if from_a_person(message, bot_user_id=self._bot.user_id):
            known = self._last.get(message.channel)
            if known is None or known.created_at <= message.created_at:
                self._last[message.channel] = message

    async def read(self, states: Sequence[ChannelState]) -> None:
        """Channels were read: since when the bot is there, and who wrote last."""
        for state in states:
            if state.joined_at is not None:
                self._since[state.channel] = state.joined_at
            for message in state.messages:
                self.heard(message)

    async def look(self) -> None:
        """Hand over what is due soon, and what was missed lately."""
        now = self._timing.now()
        for channel in list(self._channels()):
            triggers = self._bot.at(channel).definition.effective_triggers
            if all(trigger.on in MESSAGE_KINDS for trigger in triggers):
                continue
            for trigger in triggers:
                await self._look_at(channel, trigger, now)
        await self._look_at_digests(now)
        self._has_looked = True

    async def _look_at_digests(self, now: datetime) -> None:
        """A digest of other channels is a turn of the one channel into which it is posted."""
        for trigger in self._bot.definition.effective_triggers:
            if trigger.digest is None:
                continue
            channel = ChannelRef.parse(trigger.digest.to)
            if channel in set(self._channels()):
                await self._look_at_schedule(channel, trigger, now)
            elif self._has_looked and ("digest", trigger.digest.to) not in self._told:
                self._told.add(("digest", trigger.digest.to))
                _log.warning(
                    "digest.no_channel",
                    bot=self._bot.name,
                    schedule=name_of(trigger),
                    channel=trigger.digest.to,
                    hint="The bot is no member of it: add it there, or add the channel to `channels: create:`.",
                )

    async def _look_at(self, channel: ChannelRef, trigger: Trigger, now: datetime) -> None:
        if trigger.on == "schedule" and not (
            trigger.campaign or trigger.digest
        ):  # these are the bot's, not a channel's
            await self._look_at_schedule(channel, trigger, now)
        elif trigger.on == "idle":
            await self._look_for_silence(channel, trigger, now)

    async def _look_at_schedule(self, channel: ChannelRef, trigger: Trigger, now: datetime) -> None:
        name, until = name_of(trigger), now + AHEAD
        since = self._handed_until.get((channel, name))
        if since is None:
            since = max(await self._begin(channel, trigger, name, now), self._since_when(channel))
        found = due(trigger, since, until, now)
        for tick in found:
            made = synthetic_by_schedule(channel, trigger, name, tick, due_of(trigger, tick), self._user)
            await self._accept(made)
        if found and self._bot.schedules is not None:
            await self._bot.schedules.look(self._bot.scope, name, str(channel), until)
        self._handed_until[(channel, name)] = until

    async def _begin(self, channel: ChannelRef, trigger: Trigger, name: str, now: datetime) -> datetime:
        """Return from when on ticks count at the first look: for a new schedule from now on, else all that were not
        handed to the engine. It forgets keys after a while, so a tick that it had is not handed to it again.
        """
        book = self._bot.schedules
        if book is None:
            return now if self._has_looked else now - LATE
        known = await book.entry(self._bot.scope, name, str(channel))
        return max(known.since, known.looked_until, now - max(trigger.missed_within, LATE))

    async def _look_for_silence(self, channel: ChannelRef, trigger: Trigger, now: datetime) -> None:
        last = self._last.get(channel)
        if last is None or last.created_at < self._since_when(channel):
            return
        due = last.created_at + trigger.after
        if now - _LATE_SILENCE <= due <= now + AHEAD:
            await self._accept(synthetic_by_silence(last, trigger, due, self._user))

    def _since_when(self, channel: ChannelRef) -> datetime:
        """Return the earliest time that counts: when the bot joined the channel."""
        return self._since.get(channel, self._timing.now() - LATE)

    @property
    def _user(self) -> User:
        identity = self._bot.definition.identity
        return User(identity.user_id, identity.name, is_bot=True)

    async def _accept(self, made: Synthetic) -> bool:
        message, cause = made
        now = self._timing.now()
        delay = max(0.0, (message.created_at - now).total_seconds())
        return await TurnRequest(self._bot, message, "live", cause).accept(self._engine, now=now, delay=delay)
