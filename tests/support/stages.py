"""Where a chat service is put to the test: one stage in memory, one on a sandbox, with the same people on both."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import stream_chat.async_chat

from framework.sandbox.kernel.wire import Entity
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef, Event, User
from framework.stream.port import ChatService
from framework.stream.timing import Timing
from framework.testing.memory.memory_chat import MemoryChat
from framework.testing.memory.memory_service import MemoryChatService
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import PATIENCE

BOT = "agent-bot"
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Identity:
    """As whom the bot speaks."""

    user_id: str = BOT
    name: str = "Support Bot"
    image: str = ""


class Inbox:
    """Takes in a service's events and hands them out by kind, each once."""

    def __init__(self, service: ChatService) -> None:
        self.seen: list[Event] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._take_in(service))

    async def _take_in(self, service: ChatService) -> None:
        try:
            async for event in service.events():
                self.seen.append(event)
                self._news.set()
        finally:
            self._news.set()

    async def next(self, kind: type[E], matches: Callable[[E], bool] = lambda _: True) -> E:
        """The next event of a kind; those before it are dropped."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                while self.seen:
                    event = self.seen.pop(0)
                    if isinstance(event, kind) and matches(event):
                        return event
                if self._task.done():
                    self._task.result()
                    raise AssertionError(f"the events ended before a {kind.__name__}")
                await self._news.wait()

    async def end(self) -> None:
        """Wait for the end of the events."""
        async with asyncio.timeout(PATIENCE):
            await self._task

    async def stop(self) -> None:
        """Take in no more."""
        self._task.cancel()
        await asyncio.wait({self._task})


class Stage(Protocol):
    """People, and a way to break the line."""

    @property
    def service(self) -> ChatService:
        """What is tested."""

    async def room(self, id_: str = "", *, type_: str = "messaging") -> ChannelRef:
        """A new channel of Ann's."""

    async def post(self, channel: ChannelRef, text: str, **more: Any) -> str:
        """Ann posts; returns the message's id."""

    async def edit(self, message_id: str, text: str) -> None:
        """Ann edits."""

    async def delete(self, message_id: str, *, hard: bool = False) -> None:
        """Ann deletes."""

    async def stop(self, channel: ChannelRef, message_id: str | None = None) -> None:
        """Ann presses stop."""

    async def invite(self, channel: ChannelRef) -> None:
        """The bot is made a member."""

    async def expel(self, channel: ChannelRef) -> None:
        """The bot's membership ends."""

    async def remove(self, channel: ChannelRef) -> None:
        """The channel is deleted."""

    async def join(self, channel: ChannelRef, user_id: str) -> None:
        """Someone else is made a member."""

    async def leave(self, channel: ChannelRef, user_id: str) -> None:
        """Someone else's membership ends."""

    async def know(self, user_id: str, role: str) -> None:
        """Someone with this role in the app is known."""

    async def raise_to(self, channel: ChannelRef, user_id: str, channel_role: str) -> None:
        """A member gets another role in the channel."""

    async def react(self, message_id: str, kind: str) -> None:
        """Ann reacts."""

    async def unreact(self, message_id: str, kind: str) -> None:
        """Ann takes a reaction back."""

    async def send_event(self, channel: ChannelRef, kind: str, **data: Any) -> None:
        """Ann's app sends an event of its own."""

    async def command(self, channel: ChannelRef, name: str, args: str) -> None:
        """Ann types a slash command that the app has."""

    async def drop(self) -> None:
        """The line breaks, and comes back."""

    async def shown(self, channel: ChannelRef) -> dict[str, Any]:
        """What the bot showed of itself: `states` (None: cleared), if it is `typing`, how often it read (`reads`)."""


@dataclass
class MemoryStage:
    """In memory."""

    chat: MemoryChat = field(default_factory=lambda: MemoryChat(lambda: datetime.now(UTC)))
    ann: User = field(default_factory=lambda: User("ann", "Ann"))

    def __post_init__(self) -> None:
        self.service = MemoryChatService(self.chat, User(BOT, "Support Bot", is_bot=True))

    async def room(self, id_: str = "", *, type_: str = "messaging") -> ChannelRef:
        ref = ChannelRef(type_, id_ or f"support-{uuid.uuid4().hex[:8]}")
        self.chat.room(str(ref)).members[self.ann.id] = self.chat.now()
        return ref

    async def post(self, channel: ChannelRef, text: str, **more: Any) -> str:
        custom = more.get("custom")
        return self.chat.post(str(channel), text, user=self.ann, parent=more.get("parent_id"), custom=custom).id

    async def edit(self, message_id: str, text: str) -> None:
        self.chat.edit(self.chat.message(message_id), text)

    async def delete(self, message_id: str, *, hard: bool = False) -> None:
        self.chat.delete(message_id, hard=hard)

    async def stop(self, channel: ChannelRef, message_id: str | None = None) -> None:
        self.chat.stop(str(channel), message_id, user=self.ann)

    async def invite(self, channel: ChannelRef) -> None:
        self.chat.add_member(str(channel), BOT)

    async def expel(self, channel: ChannelRef) -> None:
        self.chat.remove_member(str(channel), BOT)

    async def remove(self, channel: ChannelRef) -> None:
        self.chat.remove_channel(str(channel))

    async def join(self, channel: ChannelRef, user_id: str) -> None:
        self.chat.add_member(str(channel), user_id)

    async def leave(self, channel: ChannelRef, user_id: str) -> None:
        self.chat.remove_member(str(channel), user_id)

    async def know(self, user_id: str, role: str) -> None:
        self.chat.people[user_id] = User(user_id, role=role)

    async def raise_to(self, channel: ChannelRef, user_id: str, channel_role: str) -> None:
        self.chat.existing(channel).roles[user_id] = channel_role

    async def react(self, message_id: str, kind: str) -> None:
        self.chat.react(message_id, kind, user=self.ann)

    async def unreact(self, message_id: str, kind: str) -> None:
        self.chat.unreact(message_id, kind, user=self.ann)

    async def send_event(self, channel: ChannelRef, kind: str, **data: Any) -> None:
        self.chat.send_event(str(channel), kind, user=self.ann, **data)

    async def command(self, channel: ChannelRef, name: str, args: str) -> None:
        self.chat.post(str(channel), args, user=self.ann, command=name)

    async def drop(self) -> None:
        self.service.drop()
        self.service.reconnect()

    async def shown(self, channel: ChannelRef) -> dict[str, Any]:
        states = [state for states in self.service.states.values() for state in states]
        return {
            "states": [f"AI_STATE_{state.upper()}" if state else None for state in states],
            "typing": (channel, None) in self.service.typing_in,
            "reads": sum(read_in == channel for read_in, _ in self.service.read),
        }


@dataclass
class StreamStage:
    """On a sandbox; Ann acts through the official SDK."""

    running: RunningSandbox
    service: ChatService
    sdk: Any
    published: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.running.sandbox.publishers.append(self.published.append)

    def channel(self, ref: ChannelRef) -> Any:
        return self.sdk.channel(ref.type, ref.id)

    async def room(self, id_: str = "", *, type_: str = "messaging") -> ChannelRef:
        ref = ChannelRef(type_, id_ or f"support-{uuid.uuid4().hex[:8]}")
        await self.sdk.channel(ref.type, ref.id, {"members": ["ann"]}).create("ann")
        return ref

    async def post(self, channel: ChannelRef, text: str, **more: Any) -> str:
        custom = more.pop("custom", {})
        reply = await self.channel(channel).send_message({"text": text, **more, **custom}, "ann")
        return str(reply["message"]["id"])

    async def edit(self, message_id: str, text: str) -> None:
        await self.sdk.update_message({"id": message_id, "text": text, "user_id": "ann"})

    async def delete(self, message_id: str, *, hard: bool = False) -> None:
        await self.sdk.delete_message(message_id, hard=hard)

    async def stop(self, channel: ChannelRef, message_id: str | None = None) -> None:
        event = {"type": "ai_indicator.stop", **({"message_id": message_id} if message_id else {})}
        await self.channel(channel).send_event(event, "ann")

    async def invite(self, channel: ChannelRef) -> None:
        await self.channel(channel).add_members([{"user_id": BOT}])

    async def expel(self, channel: ChannelRef) -> None:
        await self.channel(channel).remove_members([BOT])

    async def remove(self, channel: ChannelRef) -> None:
        await self.channel(channel).delete()

    async def join(self, channel: ChannelRef, user_id: str) -> None:
        await self.sdk.upsert_user({"id": user_id})
        await self.channel(channel).add_members([{"user_id": user_id}])

    async def leave(self, channel: ChannelRef, user_id: str) -> None:
        await self.channel(channel).remove_members([user_id])

    async def know(self, user_id: str, role: str) -> None:
        await self.sdk.upsert_user({"id": user_id, "role": role})

    async def raise_to(self, channel: ChannelRef, user_id: str, channel_role: str) -> None:
        await self.channel(channel).assign_roles([{"user_id": user_id, "channel_role": channel_role}])

    async def react(self, message_id: str, kind: str) -> None:
        await self.sdk.channel("messaging", "any").send_reaction(message_id, {"type": kind}, "ann")

    async def unreact(self, message_id: str, kind: str) -> None:
        await self.sdk.channel("messaging", "any").delete_reaction(message_id, kind, "ann")

    async def send_event(self, channel: ChannelRef, kind: str, **data: Any) -> None:
        await self.channel(channel).send_event({"type": kind, **data}, "ann")

    async def command(self, channel: ChannelRef, name: str, args: str) -> None:
        await self.sdk.create_command({"name": name, "description": name})
        await self.sdk.update_channel_type(channel.type, commands=[name])
        await self.channel(channel).send_message({"text": f"/{name} {args}"}, "ann")

    async def drop(self) -> None:
        for connection in self.running.sandbox.hub.connections():
            connection.close()

    async def shown(self, channel: ChannelRef) -> dict[str, Any]:
        bodies = [_flat(event.body()) for event in self.published if event.cid == str(channel)]
        typing = [b["type"] for b in bodies if b["type"].startswith("typing.") and "parent_id" not in b]
        reads = [b for b in bodies if b["type"] == "message.read" and b["user"]["id"] == BOT]
        return {
            "states": [b.get("ai_state") for b in bodies if b["type"].startswith("ai_indicator.")],
            "typing": typing[-1:] == ["typing.start"],
            "reads": len(reads),
        }


def _flat(body: Entity) -> dict[str, Any]:
    """An event as v1 clients see it: what the app named stands beside what Stream names."""
    return {**body.fields, **body.custom}


def settings_for(running: RunningSandbox, **changes: Any) -> Settings:
    """The environment that names a sandbox."""
    values = {
        "stream_api_key": running.api_key,
        "stream_api_secret": running.api_secret,
        "stream_base_url": running.url,
        **changes,
    }
    return Settings(_env_file=None, **values)


def hasty(**changes: Any) -> Timing:
    """The real clock; whoever waits by chance does not wait."""
    return Timing(**{"uniform": lambda _low, _high: 0.0, **changes})


@asynccontextmanager
async def official_sdk(running: RunningSandbox) -> AsyncIterator[Any]:
    """The official SDK, server-side, with Ann known."""
    async with stream_chat.async_chat.StreamChatAsync(
        running.api_key, running.api_secret, base_url=running.url, timeout=PATIENCE
    ) as sdk:
        await sdk.upsert_user({"id": "ann", "name": "Ann"})
        yield sdk


@asynccontextmanager
async def memory_stage() -> AsyncIterator[Stage]:
    """A stage in memory, its service open."""
    stage = MemoryStage()
    await stage.service.open()
    try:
        yield stage
    finally:
        await stage.service.close()


@asynccontextmanager
async def stream_stage() -> AsyncIterator[StreamStage]:
    """A stage on a sandbox of its own, its service open."""
    async with start_sandbox() as running, official_sdk(running) as sdk:
        service = open_chat_service(settings_for(running), Identity(), timing=hasty())
        await service.open()
        try:
            yield StreamStage(running, service, sdk)
        finally:
            await service.close()
