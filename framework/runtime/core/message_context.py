"""What is known around a message: what was said before and after it in the same talk, and what the channel is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from framework.definition.parts.conditions import Team
from framework.runtime.core.triggers import WRITTEN_BY_BOT, never_answered
from framework.runtime.state.handover import Handover
from framework.runtime.team.people import belongs
from framework.stream.model import ChannelInfo, ChannelRef, Message, User
from framework.stream.port import ChatService

PAGE = 100
"""Messages read of a talk, unless more are needed to find the one in question."""
_MOST_PAGES = 5
_FRESH = timedelta(seconds=2)
_REMEMBERED = 5_000


@dataclass(frozen=True)
class MessageContext:
    """A message in its talk (a channel, or one thread). `before` and `after` are the other messages of the talk, oldest
    first; in a thread the parent comes first. Both are empty where nobody asked for them. `info` is None where the
    service does not know the channel any more. `handover` is the channel's latest one, where conditions depend on it.
    """

    bot_user_id: str
    bot_names: tuple[str, ...]
    message: Message
    before: tuple[Message, ...] = ()
    after: tuple[Message, ...] = ()
    info: ChannelInfo | None = None
    handover: Handover | None = None

    def at(self, message: Message) -> MessageContext:
        """The same talk, seen from another of its messages."""
        talk = (*self.before, self.message, *self.after)
        place = next((n for n, one in enumerate(talk) if one.id == message.id), None)
        if place is None:
            return replace(self, message=message)
        return replace(self, message=message, before=talk[:place], after=talk[place + 1 :])

    def other_names(self, message: Message) -> tuple[str, ...]:
        """The names of other people that are known here: of those that a message mentions, and of authors."""
        talk = (one.user.name for one in (*self.before, *self.after) if one.user.id != self.bot_user_id)
        return (*message.mentioned_names, *dict.fromkeys(talk))

    @property
    def is_direct(self) -> bool:
        """Whether the channel holds the bot and one person."""
        return self.info is not None and self.info.member_count == 2

    def by_bot(self, message: Message) -> bool:
        """Whether this bot wrote it."""
        return message.user.id == self.bot_user_id

    def by_person(self, message: Message) -> bool:
        """Whether a person wrote it for others to read."""
        return never_answered(message, bot_user_id=self.bot_user_id) is None

    def by_another(self, message: Message) -> bool:
        """Whether a person or another bot wrote it for others to read."""
        reason = never_answered(message, bot_user_id=self.bot_user_id)
        return reason in {None, WRITTEN_BY_BOT}

    def people_before(self, *, since: datetime) -> list[Message]:
        """What people wrote before the message, oldest first."""
        return [m for m in self.before if self.by_person(m) and m.created_at >= since]

    def others_before(self, *, since: datetime) -> list[Message]:
        """What people and other bots wrote before the message, oldest first."""
        return [m for m in self.before if self.by_another(m) and m.created_at >= since]

    def others(self) -> dict[str, User]:
        """The people and other bots that wrote in the talk, but for the author, by id."""
        found = {m.user.id: m.user for m in (*self.before, *self.after) if self.by_another(m)}
        found.pop(self.message.user.id, None)
        return found


def of_team(message: Message, team: Team) -> bool:
    """Whether a member of the team wrote it, as far as the message tells. Decisions ask the service: `team.acts`."""
    return belongs(team, message.user, message.channel_role)


def roles_of(message: Message) -> set[str]:
    """The author's role in the app, and the one in the channel, which counts by its full name alone:
    `channel_moderator`. Whoever creates a channel gives out the roles there.
    """
    return {role for role in (message.user.role, message.channel_role) if role and _has_place(role, message)}


def _has_place(role: str, message: Message) -> bool:
    """Whether a role says by its name that it holds in a channel, unless it is the one in the app."""
    return role == message.user.role or role.startswith("channel_")


@dataclass(frozen=True)
class _Known:
    """A channel as it was at a time. `look`: the demand for a new look that came last before it was asked for."""

    look: int
    at: datetime
    info: ChannelInfo


class MessageContexts:
    """Reads situations. Every call raises ChatServiceError."""

    def __init__(self, service: ChatService, now: Callable[[], datetime]) -> None:
        self._service = service
        self._now = now
        self._known: dict[ChannelRef, _Known] = {}
        self._valid_from: dict[ChannelRef, int] = {}
        self._looks = 0
        self._asking: WeakValueDictionary[ChannelRef, asyncio.Lock] = WeakValueDictionary()

    def look_anew(self, channel: ChannelRef) -> None:
        """Have what was asked for before now count for nothing."""
        self._looks += 1
        self._valid_from[channel] = self._looks

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """What the channel is; asked for at most every two seconds, as a busy one changes rarely, and by one turn at a
        time.
        """
        async with self._asking.setdefault(channel, asyncio.Lock()):
            known = self._known.get(channel)
            look = self._valid_from.get(channel, 0)
            if known is not None and known.look == look and self._now() - known.at < _FRESH:
                return known.info
            info = await self._service.info(channel)
            self._remember(info, look)
            return info

    async def view(self, channel: ChannelRef, *, limit: int) -> Sequence[Message]:
        """The newest messages of a channel outside threads, oldest first; what the channel is comes along, and is known
        from then on.
        """
        look = self._valid_from.get(channel, 0)
        view = await self._service.view(channel, limit=limit)
        self._remember(view.info, look)
        return view.messages

    def _remember(self, info: ChannelInfo, look: int) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
            self._valid_from.clear()
        self._known[info.channel] = _Known(look, self._now(), info)

    async def talk(self, message: Message, *, until: bool = False) -> Sequence[Message]:
        """The newest messages of the message's channel or thread, oldest first, back beyond the message itself.

        With `until`, only what is not newer than the message. In a thread the parent is the first.
        """
        page = await self._page(message, message.id if until else None)
        for _ in range(_MOST_PAGES):
            if not page or any(one.id == message.id for one in page) or page[0].created_at <= message.created_at:
                break
            known = {one.id for one in page}
            earlier = [one for one in await self._page(message, _oldest(page, message)) if one.id not in known]
            if not earlier:
                break
            page = [*earlier, *page]
        return page

    async def _page(self, message: Message, until: str | None) -> list[Message]:
        if message.parent_id is None:
            return list(await self._service.recent(message.channel, limit=PAGE, until=until))
        return list(await self._service.thread(message.parent_id, limit=PAGE, until=until))


def _oldest(page: Sequence[Message], message: Message) -> str:
    """The oldest message of a page, but for a thread's parent, which is part of every page."""
    return next((one.id for one in page if one.id != message.parent_id), page[0].id)


def situated(
    message: Message, talk: Sequence[Message], *, bot_user_id: str, bot_names: tuple[str, ...]
) -> MessageContext:
    """A message with what stands around it in its talk."""
    place = next((n for n, one in enumerate(talk) if one.id == message.id), None)
    if place is None:
        before = tuple(one for one in talk if one.created_at < message.created_at)
        return MessageContext(bot_user_id, bot_names, message, before, tuple(talk[len(before) :]))
    return MessageContext(bot_user_id, bot_names, message, tuple(talk[:place]), tuple(talk[place + 1 :]))
