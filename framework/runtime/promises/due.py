"""Hands the promises that are due to the engine, and hears of the events that some wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from framework.campaigns.times import after_quiet
from framework.engine.port import Engine
from framework.promises.promise import Promise
from framework.promises.store import PromiseStore
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import TurnRequest
from framework.runtime.core.turn import Cause
from framework.runtime.intake.schedule import AHEAD
from framework.runtime.intake.synthetic_messages import from_server
from framework.stream.model import EPOCH, ChannelRef, CustomEvent, Message, User
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)
AGAIN = timedelta(minutes=5)
"""After a turn that had to be silent, for example in a pause, the next one is tried so much later."""
FORGOTTEN = timedelta(days=30)
"""A promise that is due for so long is not even apologised for."""


class DuePromises:
    """The key of a turn follows from the promise, so any number of replicas may hand it over. Raises EngineError."""

    def __init__(
        self, bot: RunningBot, engine: Engine, timing: Timing, channels: Callable[[], Iterable[ChannelRef]]
    ) -> None:
        self._bot = bot
        self._engine = engine
        self._timing = timing
        self._channels = channels

    async def take(self, event: CustomEvent) -> int:
        """The app reports something. Returns how many promises wait for that; they are kept at once."""
        store, definition = self._bot.promises, self._bot.at(event.channel).definition
        named = definition.promises.events.get(event.kind) if definition.promises.enabled else None
        if store is None or named is None:
            return 0
        if not from_server(event, named.sent_by, bot_user_id=self._bot.user_id):
            _log.warning("promise.event_not_from_server", event_kind=event.kind, user=event.user.id)
            return 0
        now = self._timing.now()
        at = now if event.at == EPOCH else event.at
        count = await store.happened(self._bot.scope, str(event.channel), event.kind, at, max(at, now))
        if count:
            _log.info("promise.event", event_kind=event.kind, channel=str(event.channel), promises=count)
            await self.look()
        return count

    async def look(self) -> None:
        """Hand over what is due soon."""
        store, now = self._bot.promises, self._timing.now()
        if store is None or not self._promises_anything():
            return
        found = await store.due(self._bot.scope, now + AHEAD)
        known = set(self._channels()) if found else set()
        for promise in found:
            await self._look_at(store, promise, known)

    def _promises_anything(self) -> bool:
        definition = self._bot.definition
        return any(one.promises.enabled for one in (definition, *definition.overrides.values()))

    async def _look_at(self, store: PromiseStore, promise: Promise, known: set[ChannelRef]) -> None:
        now, channel = self._timing.now(), ChannelRef.parse(promise.channel)
        due = promise.due or now
        if now - due > FORGOTTEN:
            await store.end(promise.scope, promise.id, "", "missed", "it was due a month ago")
            _log.warning("promise.forgotten", promise=promise.id, channel=promise.channel, due=due.isoformat())
            return
        quiet = self._bot.at(channel).definition.promises.quiet_hours
        at = max(due, now)
        if channel not in known or (quiet and after_quiet(at, ZoneInfo(promise.zone), quiet) > at):
            return
        number = max(timedelta(0), now - due) // AGAIN
        identity = self._bot.definition.identity
        message = Message(
            id=f"promise:{promise.id}:{number}",
            channel=channel,
            user=User(identity.user_id, identity.name, is_bot=True),
            text="",
            created_at=at,
            parent_id=promise.thread or None,
        )
        cause = Cause(
            kind="schedule",
            made_up=True,
            do="Keep a promise.",
            detail=f"promise of {promise.made_at.isoformat(timespec='minutes')}",
            promise=promise.id,
            visible_to=promise.visible_to,
        )
        delay = max(0.0, (at - now).total_seconds())
        await TurnRequest(self._bot, message, "live", cause).accept(self._engine, now=now, delay=delay)
