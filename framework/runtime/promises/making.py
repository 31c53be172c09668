"""Makes promises to the person of a turn, in the channel and the thread of the turn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from framework.campaigns.times import after_quiet
from framework.definition.parts.hours import zone
from framework.errors import ChatServiceError, EngineError, ToolError
from framework.promises.named_time import Unclear
from framework.promises.promise import LONGEST_WHAT, Promise, PromiseKind
from framework.promises.said import confirmation, listing, quoted, said
from framework.promises.store import PromiseStore
from framework.promises.when import read_moment
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.turn import Turn

_log = structlog.get_logger(__name__)
TAKEN_BACK = "the person took it back"
_UNCLEAR_TO_MODELS: dict[Unclear, str] = {
    "missing": "`at` is not a time in ISO 8601",
    "past": "that time is over",
    "far": "that is more than a year ahead",
}


def zone_of(turn: Turn) -> ZoneInfo:
    """The person's own time zone, or the bot's for people without one that exists."""
    try:
        return zone(turn.trigger.user.timezone)
    except ValueError:
        return zone(turn.definition.promises.timezone)


def language_of(turn: Turn) -> str:
    """The language in which the person is answered."""
    return turn.language or turn.definition.identity.language


class PromiseMaker:
    """Makes promises and takes them back. Every method raises EngineError, and ChatServiceError where it says so."""

    def __init__(self, bot: RunningBot, store: PromiseStore) -> None:
        self._bot = bot
        self._store = store

    async def make(
        self, turn: Turn, key: str, kind: PromiseKind, what: str, *, due: datetime | None = None, event: str = ""
    ) -> Promise | None:
        """Promise something; None if the person has too many promises. Raises ChatServiceError."""
        rules, place = turn.definition.promises, zone_of(turn)
        if due is not None and rules.quiet_hours:
            due = after_quiet(due, place, rules.quiet_hours)
        user = turn.trigger.user.id
        members = await self._bot.service.members(turn.channel, ids=[user])
        made = await self._store.add(
            Promise(
                id=self._bot.service.id_key.id_of("promise", self._bot.user_id, key),
                scope=self._bot.scope,
                bot=self._bot.name,
                channel=str(turn.channel),
                thread=turn.trigger.parent_id or "",
                user=user,
                message=turn.trigger.id,
                kind=kind,
                what=quoted(what)[:LONGEST_WHAT],
                language=language_of(turn),
                zone=place.key,
                made_at=turn.trigger.created_at,
                due=due,
                event=event,
                visible_to=turn.readers,
                was_member=bool(members),
            ),
            at_most=rules.at_most,
        )
        if made is not None:
            shown = made.due.isoformat(timespec="minutes") if made.due else ""
            _log.info("promise.made", promise=made.id, user=user, kind=kind, due=shown, when=event)
        return made

    async def of_person(self, turn: Turn) -> list[Promise]:
        """The open promises to whoever wrote, of this channel: what only some may read is left out elsewhere."""
        found = await self._store.open_of(self._bot.scope, turn.trigger.user.id, str(turn.channel))
        readers = turn.readers
        return [one for one in found if not one.visible_to or (readers and set(readers) <= set(one.visible_to))]

    async def take_back(self, turn: Turn) -> int:
        """Take back what was promised to whoever wrote, in this channel. Returns how many promises that were."""
        count = await self._store.cancel(await self.of_person(turn), TAKEN_BACK)
        if count:
            _log.info("promise.taken_back", user=turn.trigger.user.id, count=count)
        return count


class TurnPromises:
    """The promises that a language model makes by tools, in one try at a turn. See `Promiser`."""

    def __init__(self, maker: PromiseMaker, turn: Turn, now: Callable[[], datetime]) -> None:
        self._maker = maker
        self._turn = turn
        self._now = now

    async def promise(self, key: str, what: str, *, at: str = "", event: str = "", asks: bool = False) -> str:
        """See `Promiser.promise`."""
        turn, due = self._turn, self._due(at) if at else None
        events = turn.definition.promises.events
        if event and event not in events:
            raise ToolError(f"There is no event {event!r}. The events are: {', '.join(events) or 'none'}.")
        if bool(event) == bool(at):
            raise ToolError("Name either a time (`at`) or an event (`event`).")
        if turn.cause.made_up or not what.strip():
            raise ToolError("There is nobody, or nothing, to promise: it needs a person's message and `what`.")
        kind: PromiseKind = "tell" if event else "ask" if asks else "remind"
        try:
            await turn.fence()
            made = await self._maker.make(turn, key, kind, what, due=due, event=event)
        except (ChatServiceError, EngineError) as error:
            raise ToolError(f"It could not be promised: {error.what}") from None
        if made is None:
            return said(language_of(turn), "full", count=turn.definition.promises.at_most)
        return confirmation(made, self._now())

    async def promised(self) -> str:
        """See `Promiser.promised`."""
        try:
            return listing(await self._maker.of_person(self._turn), language_of(self._turn), self._now())
        except EngineError as error:
            raise ToolError(f"It is not known at the moment: {error.what}") from None

    async def take_back(self) -> str:
        """See `Promiser.take_back`."""
        try:
            await self._turn.fence()
            count = await self._maker.take_back(self._turn)
        except EngineError as error:
            raise ToolError(f"It could not be taken back: {error.what}") from None
        return said(language_of(self._turn), "cancelled" if count else "nothing")

    def _due(self, at: str) -> datetime:
        now, place = self._now(), zone_of(self._turn)
        due = read_moment(at, now, place)
        if isinstance(due, datetime):
            return due
        local = now.astimezone(place).isoformat(timespec="minutes")
        raise ToolError(f"{at!r}: {_UNCLEAR_TO_MODELS.get(due, due)}. It is {local} ({place.key}) for this person.")
