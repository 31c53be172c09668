"""The rule of promises: it hears what people want promised, and keeps what was promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog

from framework.agent.embedded.smalltalk import only_nods
from framework.agent.models.setup import EMBEDDED
from framework.errors import ChatServiceError
from framework.names import shown_name
from framework.promises.promise import Promise, PromiseKind, PromiseState
from framework.promises.said import Sentence, confirmation, listing, said, shown_time
from framework.promises.store import PromiseStore
from framework.promises.when import read_when
from framework.promises.wish import Wish, event_of, read_wish
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.language import asks, own_words
from framework.runtime.core.outcome import HandedOff, Outcome, Replied, Say, Silent, Skip
from framework.runtime.core.turn import Turn
from framework.runtime.handover.rules import TAKEN_OVER
from framework.runtime.promises.making import PromiseMaker, TurnPromises, language_of, zone_of
from framework.runtime.state.own import PROMISE, own
from framework.runtime.team.people import is_banned
from framework.stream.failure import MISSING

_log = structlog.get_logger(__name__)
TOLD_LATE = timedelta(minutes=5)
"""How late a promise may be kept without a word about it."""
_SENTENCES: Mapping[PromiseKind, Sentence] = {"remind": "reminder", "ask": "again", "tell": "happened"}
_TWO = 2
"""Members of a channel in which everybody knows who is meant."""


class PromiseRule:
    """A rule, after triggers and conditions, and what happens at the end of a turn.

    A bot on a language model promises by tools; what is written is read here for the embedded model.
    """

    def __init__(self, bot: RunningBot, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._now = now

    async def __call__(self, turn: Turn, view: ChannelView) -> Say | Skip | None:
        """Return what to say of promises, or Skip for one that is not kept. Raises EngineError, ChatServiceError."""
        store = self._bot.promises
        if store is None:
            return Skip("promises are not kept here") if turn.cause.promise else None
        if turn.cause.promise:
            return await self._keep(store, turn, view)
        if not turn.definition.promises.enabled or turn.cause.made_up or turn.cause.decided:
            return None
        maker = PromiseMaker(self._bot, store)
        text = own_words("\n".join(message.text for message in turn.answering))
        model = getattr(turn.setup.agent, "model_label", EMBEDDED)  # an agent of one's own need not name its model
        wish = read_wish(text, language_of(turn)) if model == EMBEDDED else None
        if wish is None:
            await self._answered(store, maker, turn, text)
            return None
        return await self._grant(maker, turn, view, wish, text)

    async def close(self, turn: Turn, outcome: Outcome) -> None:
        """Note what became of a promise. A person who takes over takes the open ones of the channel, too."""
        store = self._bot.promises
        if store is None:
            return
        if not turn.cause.promise:
            if isinstance(outcome, HandedOff) and await store.cancel_in(self._bot.scope, str(turn.channel), TAKEN_OVER):
                _log.info("promise.cancelled", reason=TAKEN_OVER)
            return
        scope, id_, job = self._bot.scope, turn.cause.promise, turn.ids.job
        match outcome:
            case Replied() | Silent(message_id=str()):
                promise = await store.get(scope, id_)
                state: PromiseState = "missed" if promise is not None and self._is_missed(turn, promise) else "kept"
                await store.end(scope, id_, job, state)
                _log.info(f"promise.{state}", promise=id_)
            case Silent(reason) if reason == TAKEN_OVER:
                await store.end(scope, id_, job, "cancelled", reason)
            case Silent():
                await store.release(scope, id_, job)

    def of_turn(self, turn: Turn) -> TurnPromises | None:
        """By what a model's tools make promises in a turn; None if the bot promises nothing."""
        if self._bot.promises is None or not turn.definition.promises.enabled:
            return None
        return TurnPromises(PromiseMaker(self._bot, self._bot.promises), turn, self._now)

    async def _grant(self, maker: PromiseMaker, turn: Turn, view: ChannelView, wish: Wish, text: str) -> Say | None:
        rules, language = turn.definition.promises, turn.language or wish.language
        match wish.kind:
            case "list":
                return _told(listing(await maker.of_person(turn), language, self._now()))
            case "cancel" | "nevermind":
                if wish.kind == "nevermind" and not await _follows_promise(turn, view):
                    return None
                await turn.fence()
                return _told(said(language, "cancelled" if await maker.take_back(turn) else "nothing"))
            case "tell":
                event = event_of(text, {name: one.words for name, one in rules.events.items()})
                return await self._made(maker, turn, "tell", text, language, event=event) if event else None
        due = read_when(text, wish.language, turn.trigger.created_at, zone_of(turn), usual=rules.at)
        if not isinstance(due, datetime):
            return _told(said(language, due), outcome="unsure")
        return await self._made(maker, turn, wish.kind, text, language, due=due)

    async def _made(
        self,
        maker: PromiseMaker,
        turn: Turn,
        kind: PromiseKind,
        text: str,
        language: str,
        *,
        due: datetime | None = None,
        event: str = "",
    ) -> Say:
        await turn.fence()
        made = await maker.make(turn, turn.trigger.id, kind, text, due=due, event=event)
        if made is None:
            return _told(said(language, "full", count=turn.definition.promises.at_most), outcome="unsure")
        return Say(confirmation(made, self._now()), "answered", {PROMISE: made.id})

    async def _answered(self, store: PromiseStore, maker: PromiseMaker, turn: Turn, text: str) -> None:
        """Who wanted to be asked again and writes an answer before that need not be asked."""
        if asks(text) or only_nods(text):
            return
        thread = turn.trigger.parent_id or ""
        waiting = [
            one
            for one in await maker.of_person(turn)
            if one.kind == "ask" and one.thread == thread and one.made_at < turn.trigger.created_at
        ]
        if waiting and await store.cancel(waiting, "the person answered"):
            _log.info("promise.cancelled", reason="the person answered", count=len(waiting))

    async def _keep(self, store: PromiseStore, turn: Turn, view: ChannelView) -> Say | Skip:
        promise = await store.get(self._bot.scope, turn.cause.promise)
        if promise is None or promise.state not in {"open", "keeping"}:
            return Skip("the promise was taken back")
        why = await self._why_not(turn, promise)
        if why:
            await store.end(promise.scope, promise.id, turn.ids.job, "cancelled", why)
            return Skip(f"the promise is void: {why}")
        if not await store.claim(promise.scope, promise.id, turn.ids.job):
            return Skip("another turn keeps the promise")
        text = await self._text(turn, promise, view)
        return Say(text, "answered", {PROMISE: promise.id})

    async def _why_not(self, turn: Turn, promise: Promise) -> str:
        """Return why a promise is not to be kept any more, "" if it is."""
        service = self._bot.service
        try:
            message = (await service.messages(turn.channel, [promise.message])).get(promise.message)
            if message is None or message.deleted_at is not None:
                return "the message that it was made for is gone"
            if promise.was_member and not await service.members(turn.channel, ids=[promise.user]):
                return "the person left the channel"
        except ChatServiceError as error:
            if error.code != MISSING:
                raise
            return "the channel is gone"
        if await is_banned(service, turn.channel, promise.user):
            return "the person is banned"
        return ""

    async def _text(self, turn: Turn, promise: Promise, view: ChannelView) -> str:
        now, language, place = self._now(), promise.language, ZoneInfo(promise.zone)
        due = promise.due or now
        lines = []
        if self._is_missed(turn, promise):
            when = shown_time(promise.happened_at or due, place, language, now=now)
            lines.append(said(language, "missed", when=when, what=promise.what))
        else:
            lines.append(said(language, _SENTENCES[promise.kind], what=promise.what))
            since = promise.happened_at or due
            if now - since > TOLD_LATE:
                when = shown_time(since, place, language, now=now)
                lines.append(said(language, "happened_at" if promise.kind == "tell" else "late", when=when))
        if (await view.info()).member_count > _TWO:
            user = (await self._bot.service.users([promise.user])).get(promise.user)
            lines[0] = f"@{shown_name(user.name if user else '', promise.user)} {lines[0]}"
        return "\n".join(lines)

    def _is_missed(self, turn: Turn, promise: Promise) -> bool:
        """Whether it would come so late that an apology is all that is left."""
        late = turn.definition.promises.late
        return promise.due is not None and turn.trigger.created_at - (promise.happened_at or promise.due) > late


async def _follows_promise(turn: Turn, view: ChannelView) -> bool:
    """Whether the bot's last word in this place was a promise to whoever wrote."""
    known = await view.until(turn.trigger.parent_id, turn.trigger.id, 5)
    last = next((one for one in reversed(known) if own(one, turn.bot_user_id) is not None), None)
    if last is None or not last.custom.get(PROMISE):
        return False
    before = {one.user.id for one in known if one.created_at < last.created_at and one.user.id != turn.bot_user_id}
    return not before or turn.trigger.user.id in before


def _told(text: str, *, outcome: Literal["answered", "unsure"] = "answered") -> Say:
    return Say(text, outcome)
