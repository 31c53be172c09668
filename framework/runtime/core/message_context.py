"""A message with its history (the messages before and after it) and its channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from framework.definition.parts.conditions import Team
from framework.runtime.core.triggers import WRITTEN_BY_BOT, never_answered
from framework.runtime.state.handover import Handover
from framework.runtime.team.people import belongs
from framework.stream.model import ChannelInfo, Message, User


@dataclass(frozen=True)
class MessageContext:
    """A message in its channel, or in its thread. `before` and `after` are the other messages there, oldest first; in a
    thread the parent comes first. Both are empty if nobody asked for them. `info` is None if the service does not know
    the channel any more. `handover` is the channel's latest one, if conditions depend on it.
    """

    bot_user_id: str
    bot_names: tuple[str, ...]
    message: Message
    before: tuple[Message, ...] = ()
    after: tuple[Message, ...] = ()
    info: ChannelInfo | None = None
    handover: Handover | None = None

    def at(self, message: Message) -> MessageContext:
        """Return the context of another message of the same history."""
        if message.id == self.message.id:
            return replace(self, message=message)
        history = (*self.before, self.message, *self.after)
        place = next((n for n, one in enumerate(history) if one.id == message.id), None)
        if place is None:
            return replace(self, message=message)
        return replace(self, message=message, before=history[:place], after=history[place + 1 :])

    def other_names(self, message: Message) -> tuple[str, ...]:
        """The names of other people that are known here: of those that a message mentions, and of authors."""
        authors = (one.user.name for one in (*self.before, *self.after) if one.user.id != self.bot_user_id)
        return (*message.mentioned_names, *dict.fromkeys(authors))

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
        """The people and other bots that wrote here, without the author, by id."""
        found = {m.user.id: m.user for m in (*self.before, *self.after) if self.by_another(m)}
        found.pop(self.message.user.id, None)
        return found


def of_team(message: Message, team: Team) -> bool:
    """Whether a member of the team wrote it, as far as the message tells. Decisions ask the service: `team.acts`."""
    return belongs(team, message.user, message.channel_role)


def roles_of(message: Message) -> set[str]:
    """The author's role in the app, and the one in the channel, which counts by its full name alone:
    `channel_moderator`. The creator of a channel gives out the roles there.
    """
    return {role for role in (message.user.role, message.channel_role) if role and _has_place(role, message)}


def _has_place(role: str, message: Message) -> bool:
    """Whether a role says by its name that it holds in a channel, unless it is the one in the app."""
    return role == message.user.role or role.startswith("channel_")


def context_of(
    message: Message, history: Sequence[Message], *, bot_user_id: str, bot_names: tuple[str, ...]
) -> MessageContext:
    """Return a message with what stands around it in its history, which may lack the message itself."""
    place = next((n for n, one in enumerate(history) if one.id == message.id), None)
    if place is None:
        before = tuple(one for one in history if one.created_at < message.created_at)
        return MessageContext(bot_user_id, bot_names, message, before, tuple(history[len(before) :]))
    return MessageContext(bot_user_id, bot_names, message, tuple(history[:place]), tuple(history[place + 1 :]))
