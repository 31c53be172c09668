"""Carries out what follows from decisions, each effect once, whatever ends in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

import structlog

from framework.errors import ChatServiceError, EngineError, FrameworkError
from framework.moderation.decisions import DecisionStore
from framework.moderation.decisions.decision import DueEffect
from framework.stream.moderation import StreamModeration, is_gone

LOOK_EVERY = 2.0
MOST_AT_ONCE = 50
LONGEST_PAUSE = 60.0
MOST_TRIES = 60
MISSING_TRIES = 10
"""Tries for a message that does not exist: it may still be on its way, or was never sent."""
HELD_FOR = timedelta(days=3)
HELD_LOOK = timedelta(seconds=5)
"""How often it is asked whether the team decided; the longer it waits, the more rarely."""

_log = structlog.get_logger(__name__)
Alert = Callable[[DueEffect], Awaitable[None]]
"""Tell the team of a decision, once. Raises FrameworkError if it cannot be told."""

Held = Callable[[DueEffect], Awaitable[bool]]
"""Carry out what the team decided on a held message. Return whether it decided."""


class _NotYetError(Exception):
    """The message has no id yet."""


class EffectCarrier:
    """Carries out the effects of decisions of these bots. `alert` posts into the team's channel, `held` asks
    whether the team decided.

    Every call is safe to repeat, so an effect that was done when a process died is done again without harm.
    """

    def __init__(
        self,
        store: DecisionStore,
        services: Callable[[str], StreamModeration],
        alert: Alert,
        held: Held,
        *,
        bots: Collection[str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._services = services
        self._alert = alert
        self._held = held
        self._bots = bots
        self._now = now
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Carry out what is due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                due = await self._store.take_due(MOST_AT_ONCE, self._bots)
                for effect in due:
                    await self.carry_out(effect)
            except EngineError as error:
                _log.warning("moderation.effects_wait", error=error.what)
                due = []
            if len(due) == MOST_AT_ONCE:
                continue
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def carry_out(self, effect: DueEffect) -> None:
        """Do one effect, and note what came of it."""
        about = {"effect": effect.kind, "channel": effect.decision.channel, "message": effect.decision.message_id}
        try:
            if effect.kind == "hold":
                await self._hold(effect)
                return
            await self._do(effect)
        except _NotYetError:
            await self._later(effect, "the message has no id yet", most=MISSING_TRIES)
            return
        except FrameworkError as error:
            gone = isinstance(error, ChatServiceError) and is_gone(error)
            again = gone or not isinstance(error, ChatServiceError) or error.retryable
            _log.warning("moderation.effect_failed", **about, error=error.what, tries=effect.tries)
            if again:
                await self._later(effect, error.what, most=MISSING_TRIES if gone else MOST_TRIES)
            else:
                await self._store.done(effect, error=error.what)
            return
        await self._store.done(effect)
        _log.info("moderation.effect_done", **about)

    async def _do(self, effect: DueEffect) -> None:
        decision, details = effect.decision, effect.details
        service = self._services(decision.bot)
        if effect.kind == "alert":
            await self._alert(effect)
            return
        if effect.kind in {"mute", "ban"}:
            reason, seconds = str(details.get("reason", "")), int(details["seconds"])
            await service.ban(decision.user_id, decision.channel, seconds=seconds, reason=f"{effect.kind}: {reason}")
            return
        id_ = decision.message_id
        if not id_:
            raise _NotYetError
        why = ", ".join(hit.name for hit in decision.rules)
        match effect.kind:
            case "flag":
                await service.flag(id_, why)
            case "shadow":
                await service.shadow(id_, why)
            case "delete":
                await service.delete(id_, hard=bool(details.get("hard")))
            case "commit":
                await service.commit(id_)
            case "drop_from_poll":
                await service.drop_from_poll(id_, details)
            case "rewrite":
                await service.rewrite(id_, details["fields"])

    async def _hold(self, effect: DueEffect) -> None:
        """Leave a held message to the team, until the service deletes it."""
        if await self._held(effect):
            return
        age = self._now() - effect.decision.at
        if age >= HELD_FOR:
            await self._store.done(effect, error="nobody decided in time")
        else:
            await self._store.put_off(effect, self._now() + max(HELD_LOOK, age / 20))

    async def _later(self, effect: DueEffect, why: str, *, most: int) -> None:
        if effect.tries >= most:
            await self._store.done(effect, error=why)
            return
        pause = min(2.0 ** min(effect.tries - 1, 10), LONGEST_PAUSE)
        await self._store.put_off(effect, self._now() + timedelta(seconds=pause), error=why)
