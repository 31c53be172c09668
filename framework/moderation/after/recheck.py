"""Looks at messages after they were sent: those that the hook did not see, could not judge in time, or that changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import structlog

from framework.errors import FrameworkError
from framework.moderation.after.polls import (
    contributions,
    effects_on_contribution,
    is_open,
    without_options,
)
from framework.moderation.decisions import DecisionStore, Effect, MessageDecision
from framework.moderation.decisions.decision import Origin, digest_of
from framework.moderation.effects import effects_after, effects_before
from framework.moderation.endpoint.answer import changes_of
from framework.moderation.endpoint.judgement import Judged, Score, judge
from framework.moderation.endpoint.rules import GuardBook
from framework.moderation.guard import Guard
from framework.moderation.message import Screened
from framework.moderation.rules.outcome import Outcome
from framework.moderation.tally import count_here
from framework.moderation.wire import screened_of
from framework.stream.moderation import StreamModeration
from framework.stream.wire import read_time

EVERY = 15.0
"""Seconds between two looks, if nothing tells of a message."""
SETTLE = 1.0
"""Seconds for the hook's decisions to arrive in the database."""
OVERLAP = timedelta(seconds=30)
"""What is looked at twice: clocks differ, and a search may lag behind."""
HORIZON = timedelta(days=1)
PATIENCE = timedelta(hours=1)
"""For how long a model that does not answer is asked again."""
MODEL_SECONDS = 10.0
REMEMBERED = 50_000
_KINDS = frozenset({"regular", "reply"})

_log = structlog.get_logger(__name__)
Raw = Mapping[str, Any]


@dataclass(frozen=True)
class RecheckSettings:
    """`scope` names the app. `key` is that of the digests of texts. `passing` are the users who are not judged."""

    scope: str
    key: bytes = b""
    keep_text: bool = False
    passing: frozenset[str] = frozenset()


class Recheck:
    """Reads the guarded channels back to where it was last, also over restarts, and judges what has no decision."""

    def __init__(
        self,
        book: GuardBook,
        service: StreamModeration,
        store: DecisionStore,
        score: Score,
        settings: RecheckSettings,
        *,
        now: Callable[[], datetime],
        told: Callable[[], None],
    ) -> None:
        self._book = book
        self._service = service
        self._store = store
        self._score = score
        self._settings = settings
        self._now = now
        self._told = told
        self._begun = now()
        self._wake = asyncio.Event()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._newest: datetime | None = None
        self._asked: dict[str, datetime] = {}

    def ask(self, message_id: str) -> None:
        """Look soon at this message, whose poll changed: a search for changed messages does not find it."""
        self._asked.setdefault(message_id, self._now())
        self._wake.set()

    def wake(self) -> None:
        """Look soon: a message was sent or changed."""
        self._wake.set()

    async def run(self) -> None:
        """Look around until cancelled."""
        while True:
            woken = self._wake.is_set()
            self._wake.clear()
            try:
                await self.look(woken=woken)
            except FrameworkError as error:
                _log.warning("moderation.not_looked", error=error.what)
            try:
                async with asyncio.timeout(EVERY):
                    await self._wake.wait()
                await asyncio.sleep(SETTLE)
            except TimeoutError:
                continue

    async def look(self, *, woken: bool = False) -> int:
        """Look at what was sent or changed since the last look. Returns how many decisions were made.

        `woken`: only at the newest. Raises FrameworkError.
        """
        types = await self._service.types()
        guarded = [name for name in types if self._is_guarded(name)]
        begun = self._now()
        until = await self._store.looked_until(self._settings.scope)
        since = max(until or self._begun - OVERLAP, begun - HORIZON)
        if woken and self._newest is not None:
            since = max(since, self._newest - timedelta(seconds=3))
        made = 0
        if guarded:
            made += await self._consider(await self._service.changed(guarded, since), pending=False)
            waiting = [name for name in guarded if types[name].get("mark_messages_pending") is True]
            if waiting:
                made += await self._consider(await self._service.pending(waiting), pending=True)
        await self._store.look_until(self._settings.scope, begun - OVERLAP)
        return made + await self._look_at_polls()

    async def _look_at_polls(self) -> int:
        """Look at the messages whose polls changed. One that cannot be read holds up no other, and is read again."""
        made = 0
        asked, self._asked = self._asked, {}
        for message_id, since in asked.items():
            try:
                message = await self._service.message(message_id)
                if message is not None:
                    made += await self._consider([message], pending=False, again=True)
            except FrameworkError as error:
                if self._now() - since < HORIZON:
                    self._asked.setdefault(message_id, since)
                _log.warning("moderation.poll_not_looked_at", message=message_id, error=error.what)
        return made

    def _is_guarded(self, type_: str) -> bool:
        patterns = [pattern for guard in self._book.guards.guards for pattern in guard.channels]
        return any(fnmatchcase(type_, pattern.partition(":")[0]) for pattern in patterns)

    async def _consider(self, messages: Sequence[Raw], *, pending: bool, again: bool = False) -> int:
        new = [one for message in messages for one in self._read(message, again=again)]
        if not new:
            return 0
        keys = {(one.id, one.channel, one.content) for one in new}
        unknown = await self._store.unknown(keys)
        made = [await self._decided(one, pending=pending) for one in new if one.key in unknown]
        decided = [one for one in made if one is not None]
        recorded = await self._store.record(decided)
        count_here(one for one in decided if one.id in recorded)
        for one, decision in zip([one for one in new if one.key in unknown], made, strict=True):
            if decision is None:
                self._seen.pop((one.id, one.changed), None)  # its model did not answer: it is looked at again
        if recorded:
            _log.info("moderation.looked_again", messages=len(new), decisions=len(recorded))
        self._told()
        return len(recorded)

    def _read(self, raw: Raw, *, again: bool) -> Iterator[_Sent]:
        """A message that is to be looked at, and what others added to its poll. None if nobody guards it, or if it was
        looked at already, unless `again`.
        """
        id_, changed = str(raw.get("id") or ""), str(raw.get("updated_at") or raw.get("created_at") or "")
        at = read_time(raw.get("updated_at"))
        if at is not None and (self._newest is None or at > self._newest):
            self._newest = at
        known = (id_, changed) in self._seen and not again
        if not id_ or known or raw.get("type", "regular") not in _KINDS or raw.get("shadowed"):
            return
        screened = screened_of(raw, at=read_time(raw.get("created_at")))
        guard = self._book.guards.of_channel(screened.channel)
        if guard is None:
            return
        self._seen[(id_, changed)] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if screened.user_id not in self._settings.passing or raw.get("pending"):
            own = without_options(screened) if is_open(raw) else screened
            yield _Sent(raw, own, guard, digest_of(own.pieces, self._settings.key), changed)
        for added, removal in contributions(raw, screened):
            if added.user_id not in self._settings.passing:
                yield _Sent(raw, added, guard, digest_of(added.pieces, self._settings.key), changed, removal)

    async def _decided(self, one: _Sent, *, pending: bool) -> MessageDecision | None:
        now = self._now()
        judged = await judge(one.guard, one.screened, self._score, seconds=MODEL_SECONDS)
        written = one.screened.at or now
        if judged.late and now - written < PATIENCE:
            return None
        decided = judged.decision
        unseen = pending and one.removal is None
        effects = effects_before(decided, pending=True) if unseen else self._effects(judged, one)
        if unseen and decided.outcome is Outcome.REJECT:
            effects = [Effect("delete", {"hard": True}), *effects]
        origin: Origin = "event" if written >= self._begun else "catch_up"
        made = MessageDecision.of(
            decided,
            one.screened,
            bot=one.guard.bot,
            at=now,
            origin=origin,
            effects=effects,
            key=self._settings.key,
            keep_text=self._settings.keep_text,
        )
        return replace(made, late=judged.late)

    @staticmethod
    def _effects(judged: Judged, one: _Sent) -> list[Effect]:
        effects = effects_after(judged.decision)
        if one.removal is not None:
            return effects_on_contribution(effects, one.screened, judged.decision, one.removal)
        if judged.decision.changed:
            effects.insert(0, Effect("rewrite", {"fields": changes_of(judged.decision.changed, one.raw)}))
        return effects


@dataclass(frozen=True)
class _Sent:
    raw: Raw
    screened: Screened
    guard: Guard
    content: str
    changed: str
    removal: Effect | None = None
    """How the text is taken away, if others added it to the message's poll."""

    @property
    def id(self) -> str:
        return self.screened.message_id

    @property
    def channel(self) -> str:
        return self.screened.channel

    @property
    def key(self) -> tuple[str, str, str]:
        return self.id, self.channel, self.content
