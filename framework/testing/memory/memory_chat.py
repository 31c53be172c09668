"""A whole chat in memory: its channels, the people in them, and who is told what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.stream.ids import IdKey
from framework.stream.model import (
    AddedToChannel,
    Attachment,
    ChannelRef,
    CustomEvent,
    Event,
    MemberAdded,
    Message,
    MessageDeleted,
    MessageKind,
    MessageNew,
    MessageUpdated,
    Reaction,
    ReactionGone,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
    User,
)
from framework.values import Json

_TICK = timedelta(microseconds=1)


class ChatListener(Protocol):
    """A connection to the chat."""

    @property
    def user_id(self) -> str:
        """Whose connection it is."""

    def hear(self, channel: ChannelRef, event: Event, *, as_member: bool) -> None:
        """Something happened in a channel; `as_member` says that members are told even if they do not watch."""


@dataclass
class Room:
    """A channel: its messages by id, in order of posting, since when who is a member, and who has which role there
    (`channel_member` where nothing is said).
    """

    ref: ChannelRef
    created_at: datetime
    messages: dict[str, Message] = field(default_factory=dict)
    members: dict[str, datetime] = field(default_factory=dict)
    created_by: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    frozen: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)

    def newest(self, limit: int, until: str | None = None) -> list[Message]:
        """The newest messages outside threads, oldest first; those that are not newer than the message `until`."""
        return newest(
            [one for one in self.messages.values() if one.parent_id is None or one.show_in_channel], limit, until
        )


class MemoryChat:
    """A chat service in memory: what it stores, and what people do there. `now` is the clock; no two things happen at
    one time.

    `people` are the users that it has heard of, `reactions` those to messages, by message id, `app` is what the chat is
    called among others. `id_key` stands for the key that an app's secret gives: a test that changes the secret sets
    another.
    """

    def __init__(self, now: Callable[[], datetime], *, app: str = "memory") -> None:
        self.app = app
        self.id_key = IdKey(SecretStr(f"the secret of the app {app}"))
        self.rooms: dict[ChannelRef, Room] = {}
        self.listeners: list[ChatListener] = []
        self.people: dict[str, User] = {}
        self.reactions: dict[str, list[Reaction]] = {}
        self._clock = now
        self._last = datetime.min.replace(tzinfo=now().tzinfo)
        self._posted = 0

    def now(self) -> datetime:
        """The clock's time, or a microsecond after the last one told."""
        self._last = max(self._clock(), self._last + _TICK)
        return self._last

    def room(self, cid: str) -> Room:
        """The channel, created where it is missing."""
        ref = ChannelRef.parse(cid)
        if ref not in self.rooms:
            self.rooms[ref] = Room(ref, self.now())
        return self.rooms[ref]

    def existing(self, channel: ChannelRef) -> Room:
        """The channel. Raises ChatServiceError where it does not exist."""
        if channel not in self.rooms:
            raise ChatServiceError(f"The channel {channel} does not exist.", code=16, status=404)
        return self.rooms[channel]

    def find(self, message_id: str) -> Message | None:
        """A message, wherever it stands."""
        return next((room.messages[message_id] for room in self.rooms.values() if message_id in room.messages), None)

    def message(self, message_id: str) -> Message:
        """A message. Raises ChatServiceError where it does not exist."""
        message = self.find(message_id)
        if message is None:
            raise ChatServiceError(f"The message {message_id} does not exist.", code=16, status=404)
        return message

    def messages(self, cid: str) -> list[Message]:
        """A channel's messages in order of posting, those in threads too."""
        return list(self.room(cid).messages.values())

    def post(
        self,
        cid: str,
        text: str,
        *,
        user: User,
        parent: str | None = None,
        id: str | None = None,  # noqa: A002 - what the service calls it
        kind: MessageKind | None = None,
        attachments: tuple[Attachment, ...] = (),
        mentioned: tuple[str, ...] = (),
        mentioned_names: tuple[str, ...] = (),
        silent: bool = False,
        visible_to: tuple[str, ...] = (),
        ai_generated: bool = False,
        command: str = "",
        quoting: Message | None = None,
        shadowed: bool = False,
        custom: Mapping[str, Any] | None = None,
        announce: bool = True,
    ) -> Message:
        """Someone posts; with `announce` off nobody is told of it. A slash command is its name and, as text, what
        stands behind it; a pressed button is custom fields.
        """
        self._posted += 1
        message = Message(
            id=id or f"m{self._posted:05d}",
            channel=self.room(cid).ref,
            user=user,
            text=text,
            created_at=self.now(),
            kind=kind or ("reply" if parent else "regular"),
            parent_id=parent,
            attachments=attachments,
            mentioned=mentioned,
            mentioned_names=mentioned_names,
            silent=silent,
            visible_to=visible_to,
            channel_role=self.room(cid).roles.get(user.id, ""),
            ai_generated=ai_generated,
            command=command,
            quoted_id=quoting.id if quoting else "",
            quoted_user_id=quoting.user.id if quoting else "",
            quoted_visible_to=seen_by(quoting) or () if quoting else (),
            shadowed=shadowed,
            custom=dict(custom or {}),
        )
        self.add(message, announce=announce)
        return message

    def add(self, message: Message, *, announce: bool = True) -> None:
        """Store a new message and tell of it. Raises DuplicateMessageError where its id is taken."""
        if self.find(message.id) is not None:
            raise DuplicateMessageError(f"a message with ID {message.id} already exists", code=4, status=400)
        room = self.existing(message.channel)
        self.people[message.user.id] = message.user
        parent = self.message(message.parent_id) if message.parent_id is not None else None
        room.messages[message.id] = message
        if parent is not None:
            room.messages[parent.id] = replace(parent, reply_count=parent.reply_count + 1)
        if announce:
            self.announce(message.channel, MessageNew(message), as_member=True, only=seen_by(message))

    def change(self, changed: Message) -> None:
        """Store a message's new state and tell of it."""
        changed = replace(changed, updated_at=self.now())
        self.existing(changed.channel).messages[changed.id] = changed
        self.announce(changed.channel, MessageUpdated(changed), only=seen_by(changed))

    def edit(self, message: Message, text: str) -> None:
        """Someone gives a message another text."""
        self.change(replace(self.message(message.id), text=text))

    def delete(self, message_id: str, *, hard: bool = False) -> None:
        """Someone deletes a message: softly, which leaves a stone in its place, or for good."""
        message = self.message(message_id)
        room = self.rooms[message.channel]
        if hard:
            del room.messages[message_id]
        else:
            room.messages[message_id] = replace(message, kind="deleted", deleted_at=self.now())
        self.announce(message.channel, MessageDeleted(message.channel, message_id))

    def remove_channel(self, cid: str) -> None:
        """Someone deletes a channel."""
        room = self.rooms.pop(ChannelRef.parse(cid))
        for listener in self.listeners:
            if listener.user_id in room.members:
                listener.hear(room.ref, RemovedFromChannel(room.ref), as_member=True)

    def add_member(self, cid: str, user_id: str, *, user: User | None = None) -> None:
        """Someone makes a user a member. Nothing happens where it is one. `user` is who that is, where it matters."""
        room = self.existing(ChannelRef.parse(cid))
        known = self.people[user_id] = user or self.people.get(user_id) or User(user_id)
        if user_id not in room.members:
            at = room.members[user_id] = self.now()
            self.announce(room.ref, MemberAdded(room.ref, known, at))
            self._tell(user_id, AddedToChannel(room.ref, user_id))

    def remove_member(self, cid: str, user_id: str) -> None:
        """Someone ends a user's membership."""
        room = self.existing(ChannelRef.parse(cid))
        if room.members.pop(user_id, None) is not None:
            self._tell(user_id, RemovedFromChannel(room.ref, user_id))

    def react(self, message_id: str, kind: str, *, user: User) -> None:
        """Someone reacts to a message. Raises ChatServiceError where it does not exist."""
        message = self.message(message_id)
        self.people[user.id] = user
        others = [one for one in self.reactions.get(message_id, ()) if (one.user.id, one.kind) != (user.id, kind)]
        reaction = Reaction(user, kind, self.now())
        self.reactions[message_id] = [reaction, *others]
        event = ReactionNew(message.channel, message_id, user, kind, reaction.at)
        self.announce(message.channel, event, only=seen_by(message))

    def unreact(self, message_id: str, kind: str, *, user: User) -> None:
        """Someone takes a reaction back. Raises ChatServiceError where the message does not exist."""
        message = self.message(message_id)
        before = self.reactions.get(message_id, [])
        after = [one for one in before if (one.user.id, one.kind) != (user.id, kind)]
        if len(after) < len(before):
            self.reactions[message_id] = after
            event = ReactionGone(message.channel, message_id, user, kind, self.now())
            self.announce(message.channel, event, only=seen_by(message))

    def send_event(self, cid: str, kind: str, *, user: User, **data: Json) -> None:
        """Someone's app sends an event of its own."""
        channel = self.existing(ChannelRef.parse(cid)).ref
        self.announce(channel, CustomEvent(channel, user, kind, data, self.now()))

    def stop(self, cid: str, message_id: str | None = None, *, user: User) -> None:
        """Someone presses stop."""
        channel = ChannelRef.parse(cid)
        self.announce(channel, StopRequested(channel, user.id, message_id, by=user, at=self.now()))

    def announce(
        self, channel: ChannelRef, event: Event, *, as_member: bool = False, only: tuple[str, ...] | None = None
    ) -> None:
        """Tell those who watch the channel, and with `as_member` all of its members; of them `only` these, if given."""
        members = self.rooms[channel].members if channel in self.rooms else {}
        for listener in [one for one in self.listeners if only is None or one.user_id in only]:
            listener.hear(channel, event, as_member=as_member and listener.user_id in members)

    def _tell(self, user_id: str, event: AddedToChannel | RemovedFromChannel) -> None:
        for listener in list(self.listeners):
            if listener.user_id == user_id:
                listener.hear(event.channel, event, as_member=True)


def seen_by(message: Message) -> tuple[str, ...] | None:
    """The only users who see a message; None where every member does."""
    if message.shadowed:
        return (message.user.id,)
    return (*message.visible_to, message.user.id) if message.visible_to else None


def newest(messages: list[Message], limit: int, until: str | None) -> list[Message]:
    """The last `limit` of these; with `until`, of those up to the message with this id."""
    if until is not None:
        ids = [message.id for message in messages]
        messages = messages[: ids.index(until) + 1] if until in ids else []
    return messages[-limit:]
