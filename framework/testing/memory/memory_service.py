"""The chat service in memory: the same port, the same behaviour, no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from framework.errors import ChatServiceError
from framework.stream.ids import IdKey
from framework.stream.model import (
    AIState,
    ChannelRef,
    ChannelState,
    Connected,
    Disconnected,
    Event,
    Message,
    MessageUpdated,
    OutgoingMessage,
    User,
)
from framework.stream.port import Check, Outgoing, unchecked, unscreened
from framework.testing.memory.memory_administration import MemoryAdministration, shown
from framework.testing.memory.memory_chat import MemoryChat, Room, newest


class MemoryChatService(MemoryAdministration):
    """`ChatService` for one bot user of a `MemoryChat`. What only people would see is kept: `streamed` by message id,
    `states` (None: cleared) by message id, `typing_in`, and `read` as (channel, thread).
    """

    def __init__(self, chat: MemoryChat, user: User) -> None:
        self.chat = chat
        self.user = user
        self.streamed: dict[str, list[str]] = {}
        self.states: dict[str, list[AIState | None]] = {}
        self.typing_in: set[tuple[ChannelRef, str | None]] = set()
        self.read: list[tuple[ChannelRef, str | None]] = []
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._watched: set[ChannelRef] = set()
        self._connected = self._closed = False
        self._outgoing: Outgoing = unscreened
        chat.listeners.append(self)

    def screen_with(self, outgoing: Outgoing) -> None:
        """See the port."""
        self._outgoing = outgoing

    @property
    def app(self) -> str:
        """See the port."""
        return self.chat.app

    @property
    def id_key(self) -> IdKey:
        """See the port."""
        return self.chat.id_key

    @property
    def user_id(self) -> str:
        """The bot's."""
        return self.user.id

    def hear(self, channel: ChannelRef, event: Event, *, as_member: bool) -> None:
        """Something happened in a channel."""
        if self._connected and (as_member or channel in self._watched):
            self._events.put_nowait(event)

    def drop(self, reason: str = "cut") -> None:
        """The connection is lost, and with it what was watched."""
        self._connected = False
        self._watched.clear()
        self._events.put_nowait(Disconnected(reason))

    def reconnect(self) -> None:
        """The connection is back."""
        self._connected = True
        self._events.put_nowait(Connected(again=True))

    async def _arrive(self, call: str) -> None:
        """The way of a call to the service; a test's subclass makes it long, or lets it fail."""
        await asyncio.sleep(0)

    async def open(self) -> None:
        """See the port."""
        await self._arrive("open")

    async def close(self) -> None:
        """See the port."""
        self._connected, self._closed = False, True
        if self in self.chat.listeners:
            self.chat.listeners.remove(self)
        self._events.put_nowait(None)

    async def events(self, *, echoes: bool = True) -> AsyncIterator[Event]:
        """See the port."""
        if self._closed:
            return
        self._connected = True
        yield Connected(again=False)
        while (event := await self._events.get()) is not None:
            yield event

    async def find_channels(
        self,
        type_: str,
        *,
        created_after: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        joined: bool = False,
        without: str = "",
    ) -> Sequence[ChannelRef]:
        """See the port."""
        await self._arrive("find_channels")
        rooms = [room for ref, room in self.chat.rooms.items() if ref.type == type_ and not room.custom.get(without)]
        found = [room for room in rooms if created_after is None or room.created_at > created_after]
        found = [room for room in found if self._fits(room, where or {}, joined=joined)]
        return [room.ref for room in sorted(found, key=lambda room: room.created_at, reverse=True)]

    async def fitting(
        self, channels: Sequence[ChannelRef], *, where: Mapping[str, Any], joined: bool
    ) -> Sequence[ChannelRef]:
        """See the port."""
        await self._arrive("fitting")
        rooms = [self.chat.rooms[channel] for channel in channels if channel in self.chat.rooms]
        return [room.ref for room in rooms if self._fits(room, where, joined=joined)]

    def _fits(self, room: Room, where: Mapping[str, Any], *, joined: bool) -> bool:
        here = not joined or self.user.id in room.members
        return here and all(room.custom.get(name) == value for name, value in where.items())

    async def create_channel(self, channel: ChannelRef, *, custom: Mapping[str, Any] | None = None) -> None:
        """See the port."""
        await self._arrive("create_channel")
        if channel not in self.chat.rooms:
            room = self.chat.room(str(channel))
            room.custom, room.created_by = dict(custom or {}), self.user.id
            self.chat.add_member(str(channel), self.user.id)

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """See the port."""
        await self._arrive("join")
        for channel in channels:
            self.chat.existing(channel)
        for channel in channels:
            self.chat.add_member(str(channel), self.user.id)

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """See the port."""
        await self._arrive("watch")
        if not self._connected:
            raise ChatServiceError("There is no event connection to watch channels on.", retryable=True)
        self._watched |= {channel for channel in channels if channel in self.chat.rooms}
        return self._states(channels, limit)

    async def look(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """See the port."""
        await self._arrive("look")
        return self._states(channels, limit)

    def _states(self, channels: Sequence[ChannelRef], limit: int) -> list[ChannelState]:
        rooms = [self.chat.rooms[channel] for channel in channels if channel in self.chat.rooms]
        return [
            ChannelState(
                channel=room.ref,
                messages=tuple(room.newest(limit)),
                created_at=room.created_at,
                joined_at=room.members.get(self.user.id),
                frozen=room.frozen,
                custom=room.custom,
                reactions={
                    id_: tuple(given[:10]) for id_, given in self.chat.reactions.items() if id_ in room.messages
                },
            )
            for room in rooms
        ]

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """See the port."""
        await self._arrive("recent")
        return self.chat.existing(channel).newest(limit, until)

    async def thread(self, parent_id: str, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """See the port."""
        await self._arrive("thread")
        parent = self.chat.find(parent_id)
        if parent is None:
            return []
        stored = self.chat.rooms[parent.channel].messages.values()
        return [parent, *newest([message for message in stored if message.parent_id == parent_id], limit, until)]

    async def threads(self, *, since: datetime) -> Sequence[Message]:
        """See the port."""
        await self._arrive("threads")
        latest: dict[str, datetime] = {}
        mine: set[str] = set()
        for message in (one for room in self.chat.rooms.values() for one in room.messages.values()):
            if message.parent_id is None:
                continue
            latest[message.parent_id] = max(message.created_at, latest.get(message.parent_id, message.created_at))
            parent = self.chat.find(message.parent_id)
            if self.user.id in {message.user.id, parent.user.id if parent else ""}:
                mine.add(message.parent_id)
        newest = sorted((id_ for id_ in mine if latest[id_] > since), key=lambda id_: latest[id_], reverse=True)
        return [parent for id_ in newest if (parent := self.chat.find(id_)) is not None]

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        """See the port."""
        await self._arrive("messages")
        stored = self.chat.rooms[channel].messages if channel in self.chat.rooms else {}
        return {id_: stored[id_] for id_ in ids if id_ in stored}

    async def send(
        self,
        channel: ChannelRef,
        message: OutgoingMessage,
        *,
        newest: Callable[[], str] | None = None,
        check: Check = unchecked,
    ) -> Message:
        """See the port."""
        await check()
        text = self._outgoing(channel, newest() if newest is not None else message.text, newest is not None)
        await self._arrive("send")
        posted = Message(
            id=message.id,
            channel=channel,
            user=self.user,
            text=text,
            created_at=self.chat.now(),
            kind="system" if message.kind == "system" else "reply" if message.parent_id else "regular",
            parent_id=message.parent_id,
            show_in_channel=message.show_in_channel,
            ai_generated=True,
            generating=message.generating,
            custom=_custom(message.custom),
            silent=message.silent,
            visible_to=message.visible_to,
            mentioned=message.mentions,
            attachments=shown(message.card),
        )
        self.chat.add(posted)
        return posted

    async def update_message(
        self,
        message_id: str,
        *,
        text: str,
        generating: bool,
        custom: Mapping[str, Any],
        check: Check = unchecked,
        channel: ChannelRef | None = None,
    ) -> None:
        """See the port."""
        await check()
        await self._arrive("update_message")
        old = self.chat.message(message_id)
        self.chat.change(
            replace(
                old,
                text=self._outgoing(channel, text, generating),
                generating=generating,
                custom={**old.custom, **_custom(custom)},
            )
        )

    async def turn_to_stream(self, message_id: str, *, first: bool) -> None:
        """See the port. There is no budget here."""

    async def stream_update(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        """See the port. Nothing is stored."""
        await self._arrive("stream_update")
        found = self.chat.find(message_id)
        if found is None:
            return False
        text = self._outgoing(channel, text, True)
        self.streamed.setdefault(message_id, []).append(text)
        self.chat.announce(channel, MessageUpdated(replace(found, text=text, generating=True)))
        return True

    async def delete(self, message_id: str, *, check: Check = unchecked) -> None:
        """See the port."""
        await check()
        await self._arrive("delete")
        if self.chat.find(message_id) is not None:
            self.chat.delete(message_id, hard=True)

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        """See the port."""
        await self._arrive("indicate")
        self.states.setdefault(message_id, []).append(state)

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        """See the port."""
        await self._arrive("typing")
        if on:
            self.typing_in.add((channel, parent_id))
        else:
            self.typing_in.discard((channel, parent_id))

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        """See the port."""
        await self._arrive("mark_read")
        self.read.append((channel, parent_id))


def _custom(given: Mapping[str, Any]) -> dict[str, Any]:
    """Custom fields, without those that a message has a place of its own for."""
    return {name: value for name, value in given.items() if name not in {"ai_generated", "generating"}}
