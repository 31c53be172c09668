"""A chat service in memory, as the runtime sees one, and the people in it. It fails on demand."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.stream.model import (
    AddedToChannel,
    AIState,
    Attachment,
    ChannelRef,
    ChannelState,
    Connected,
    Disconnected,
    Event,
    Message,
    MessageDeleted,
    MessageKind,
    MessageNew,
    MessageUpdated,
    OutgoingMessage,
    RemovedFromChannel,
    StopRequested,
    User,
)
from framework.stream.timing import Timing

ANN = User("ann", "Ann")
BEN = User("ben", "Ben")


@dataclass
class Room:
    """A channel: its messages in order of posting, and since when who is a member."""

    ref: ChannelRef
    created_at: datetime
    messages: dict[str, Message] = field(default_factory=dict)
    members: dict[str, datetime] = field(default_factory=dict)
    frozen: bool = False


class World:
    """The service's side: what is stored, and who is connected."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.rooms: dict[ChannelRef, Room] = {}
        self.services: list[TwinService] = []
        self._last = timing.now() - timedelta(days=365)
        self._ids = 0

    def now(self) -> datetime:
        """Strictly increasing, in microseconds."""
        self._last = max(self.timing.now(), self._last + timedelta(microseconds=1))
        return self._last

    def room(self, cid: str) -> Room:
        ref = ChannelRef.parse(cid)
        return self.rooms.setdefault(ref, Room(ref, self.now()))

    def messages(self, cid: str) -> list[Message]:
        return list(self.room(cid).messages.values())

    def message(self, message_id: str) -> Message:
        return next(room.messages[message_id] for room in self.rooms.values() if message_id in room.messages)

    def post(
        self,
        cid: str,
        text: str,
        *,
        user: User = ANN,
        parent: str | None = None,
        id: str | None = None,  # noqa: A002 - what the service calls it
        kind: MessageKind | None = None,
        attachments: tuple[Attachment, ...] = (),
        mentioned: tuple[str, ...] = (),
        silent: bool = False,
        ai_generated: bool = False,
        announce: bool = True,
    ) -> Message:
        """Someone posts; with `announce` off, no event tells of it."""
        self._ids += 1
        message = Message(
            id=id or f"m{self._ids:05d}",
            channel=ChannelRef.parse(cid),
            user=user,
            text=text,
            created_at=self.now(),
            kind=kind or ("reply" if parent else "regular"),
            parent_id=parent,
            attachments=attachments,
            mentioned=mentioned,
            silent=silent,
            ai_generated=ai_generated,
        )
        self.store(message)
        if announce:
            self.announce(message.channel, MessageNew(message))
        return message

    def store(self, message: Message) -> None:
        room = self.room(str(message.channel))
        room.messages[message.id] = message
        if message.parent_id is not None:
            parent = room.messages[message.parent_id]
            room.messages[parent.id] = replace(parent, reply_count=parent.reply_count + 1)

    def edit(self, message: Message, text: str) -> None:
        edited = replace(self.message(message.id), text=text, updated_at=self.now())
        self.room(str(message.channel)).messages[message.id] = edited
        self.announce(message.channel, MessageUpdated(edited))

    def delete(self, message_id: str, *, hard: bool = False) -> None:
        message = self.message(message_id)
        room = self.room(str(message.channel))
        if hard:
            del room.messages[message_id]
        else:
            room.messages[message_id] = replace(message, kind="deleted", deleted_at=self.now())
        self.announce(message.channel, MessageDeleted(message.channel, message_id))

    def stop(self, cid: str, message_id: str | None = None) -> None:
        ref = ChannelRef.parse(cid)
        self.announce(ref, StopRequested(ref, ANN.id, message_id))

    def announce(self, channel: ChannelRef, event: Event) -> None:
        for service in self.services:
            service.hear(channel, event)


class TwinService:
    """`ChatService` for one bot user of a `World`."""

    def __init__(self, world: World, user: User) -> None:
        self.world = world
        self.user = user
        self.calls: Counter[str] = Counter()
        self.sketches: defaultdict[str, list[str]] = defaultdict(list)
        self.states: defaultdict[str, list[AIState | None]] = defaultdict(list)
        self.read: list[tuple[ChannelRef, str | None]] = []
        self.latency: dict[str, float] = {}
        self.opened = self.closed = self.gone = False
        self._failures: defaultdict[str, list[ChatServiceError]] = defaultdict(list)
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._watched: set[ChannelRef] = set()
        self._connected = False
        world.services.append(self)

    # What tests do to it.

    def fail(self, call: str, *, times: int = 1, retryable: bool = True, what: str = "service is down") -> None:
        """Let the next calls fail."""
        self._failures[call] += [ChatServiceError(what, status=503, retryable=retryable)] * times

    def heal(self) -> None:
        self._failures.clear()

    def hear(self, channel: ChannelRef, event: Event) -> None:
        if self._connected and channel in self._watched:
            self._events.put_nowait(event)

    def put(self, event: Event) -> None:
        """Deliver this event, whatever is watched."""
        self._events.put_nowait(event)

    def drop(self) -> None:
        """The connection is lost."""
        self._connected = False
        self._watched.clear()
        self._events.put_nowait(Disconnected("cut"))

    def reconnect(self) -> None:
        self._connected = True
        self._events.put_nowait(Connected(again=True))

    def vanish(self) -> None:
        """The process is gone: nothing it does reaches the world any more."""
        self.gone = True
        self.world.services.remove(self)

    def invite(self, cid: str) -> None:
        room = self.world.room(cid)
        room.members[self.user.id] = self.world.now()
        self._events.put_nowait(AddedToChannel(room.ref))

    def expel(self, cid: str) -> None:
        room = self.world.room(cid)
        room.members.pop(self.user.id, None)
        self._events.put_nowait(RemovedFromChannel(room.ref))

    async def _call(self, name: str) -> None:
        self.calls[name] += 1
        await asyncio.sleep(self.latency.get(name, 0.001))
        if self.gone:
            await asyncio.Event().wait()
        if self._failures[name]:
            raise self._failures[name].pop(0)

    # The port.

    async def open(self) -> None:
        await self._call("open")
        self.opened = True

    async def close(self) -> None:
        self.closed = True
        self._connected = False
        self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[Event]:
        self._connected = True
        yield Connected(again=False)
        while (event := await self._events.get()) is not None:
            yield event

    async def find_channels(self, type_: str, *, created_after: datetime | None = None) -> Sequence[ChannelRef]:
        await self._call("find_channels")
        rooms = [room for ref, room in self.world.rooms.items() if ref.type == type_]
        found = [room for room in rooms if created_after is None or room.created_at > created_after]
        return [room.ref for room in sorted(found, key=lambda room: room.created_at, reverse=True)]

    async def create_channel(self, channel: ChannelRef, *, custom: Mapping[str, Any] | None = None) -> None:
        await self._call("create_channel")
        self.world.room(str(channel)).members.setdefault(self.user.id, self.world.now())

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        await self._call("join")
        for channel in channels:
            if channel not in self.world.rooms:
                raise ChatServiceError(f"{channel} does not exist", code=16, status=404)
        for channel in channels:
            self.world.rooms[channel].members.setdefault(self.user.id, self.world.now())

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        await self._call("watch")
        rooms = [self.world.rooms[channel] for channel in channels if channel in self.world.rooms]
        self._watched |= {room.ref for room in rooms}
        return [
            ChannelState(
                channel=room.ref,
                messages=tuple(self._outside_threads(room)[-limit:]),
                created_at=room.created_at,
                joined_at=room.members.get(self.user.id),
                frozen=room.frozen,
            )
            for room in rooms
        ]

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        await self._call("recent")
        if channel not in self.world.rooms:
            raise ChatServiceError(f"{channel} does not exist", code=16, status=404)
        return _newest(self._outside_threads(self.world.rooms[channel]), limit, until)

    async def thread(self, parent_id: str, *, limit: int, until: str | None = None) -> Sequence[Message]:
        await self._call("thread")
        parent = self.world.message(parent_id)
        room = self.world.rooms[parent.channel]
        replies = [message for message in room.messages.values() if message.parent_id == parent_id]
        return [parent, *_newest(replies, limit, until)]

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        await self._call("messages")
        stored = self.world.rooms[channel].messages
        return {id_: stored[id_] for id_ in ids if id_ in stored}

    async def send(self, channel: ChannelRef, message: OutgoingMessage) -> Message:
        await self._call("send")
        if message.id in self.world.rooms[channel].messages:
            raise DuplicateMessageError(f"a message with ID {message.id} already exists", code=4, status=400)
        posted = Message(
            id=message.id,
            channel=channel,
            user=self.user,
            text=message.text,
            created_at=self.world.now(),
            kind="reply" if message.parent_id else "regular",
            parent_id=message.parent_id,
            ai_generated=bool(message.custom.get("ai_generated")),
            generating=message.generating,
            custom=dict(message.custom),
        )
        self.world.store(posted)
        self.world.announce(channel, MessageNew(posted))
        return posted

    async def revise(self, message_id: str, *, text: str, generating: bool, custom: Mapping[str, Any]) -> None:
        await self._call("revise")
        old = self.world.message(message_id)
        new = replace(
            old, text=text, generating=generating, custom={**old.custom, **custom}, updated_at=self.world.now()
        )
        self.world.rooms[old.channel].messages[message_id] = new
        self.world.announce(old.channel, MessageUpdated(new))

    async def sketch(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        try:
            await self._call("sketch")
        except ChatServiceError:
            return False
        self.sketches[message_id].append(text)
        shown = replace(self.world.message(message_id), text=text)
        self.world.announce(channel, MessageUpdated(shown))
        return True

    async def delete(self, message_id: str) -> None:
        await self._call("delete")
        if any(message_id in room.messages for room in self.world.rooms.values()):
            self.world.delete(message_id, hard=True)

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        await self._call("indicate")
        self.states[message_id].append(state)

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        await self._call("typing")

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        await self._call("mark_read")
        self.read.append((channel, parent_id))

    def _outside_threads(self, room: Room) -> list[Message]:
        return [message for message in room.messages.values() if message.parent_id is None]


def _newest(messages: list[Message], limit: int, until: str | None) -> list[Message]:
    if until is not None:
        ids = [message.id for message in messages]
        messages = messages[: ids.index(until) + 1] if until in ids else []
    return messages[-limit:]
