"""The port to a chat service: all that the runtime asks of one, whoever provides it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from framework.stream.ids import IdKey
from framework.stream.model import (
    AIState,
    ChannelInfo,
    ChannelPage,
    ChannelRef,
    ChannelState,
    Event,
    Member,
    Message,
    MessageCard,
    OutgoingMessage,
    Reaction,
    User,
)

Check = Callable[[], Awaitable[None]]
"""What must hold for a write: it raises where it does not."""


Outgoing = Callable[[ChannelRef | None, str, bool], str]
"""Given where a text is to be posted (None: not known), the text, and whether more of it follows: what is posted."""


def unscreened(_channel: ChannelRef | None, text: str, _partial: bool) -> str:
    """The text as it is."""
    return text


async def unchecked() -> None:
    """Nothing has to hold."""


class ChatService(Protocol):
    """One bot user's view of a chat service.

    Every call raises ChatServiceError (see `retryable`) when the service refuses or stays unreachable after the
    implementation's own retries. An implementation is bound to one bot user when it is made.
    """

    @property
    def app(self) -> str:
        """A short name of the app that this is about: the same in every process and at every start, and no secret."""

    @property
    def id_key(self) -> IdKey:
        """The key for the ids of our messages, derived from the app's secret: the same in every process of the app."""

    async def open(self) -> None:
        """Make sure that the bot user exists and the credentials work. Raises ChatServiceError."""

    async def close(self) -> None:
        """Close the connection and whatever else is held. Safe to call twice."""

    def events(self) -> AsyncIterator[Event]:
        """Connect and yield events until `close`. Reconnects by itself with back-off, saying so by `Disconnected` and
        `Connected(again=True)`. The first event is `Connected(again=False)`.
        """

    async def find_channels(
        self,
        type_: str,
        *,
        created_after: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        joined: bool = False,
        without: str = "",
    ) -> Sequence[ChannelRef]:
        """All channels of a type, newest first, whoever is a member; only those created after a time, if given.

        `where`: only those whose fields have these values; `joined`: only those of which the bot is a member;
        `without`: not those that have this custom field, and in it something true.
        """

    async def fitting(
        self, channels: Sequence[ChannelRef], *, where: Mapping[str, Any], joined: bool
    ) -> Sequence[ChannelRef]:
        """Those of these channels whose fields have these values, and with `joined` of which the bot is a member."""

    async def create_channel(self, channel: ChannelRef, *, custom: Mapping[str, Any] | None = None) -> None:
        """Create a channel with the bot as its member. Nothing happens where it exists."""

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """Become a member of these channels. Nothing happens where the bot is one."""

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """Watch these channels on the live connection and read their newest `limit` messages each. Channels that are
        gone or closed to the bot are left out of the result. Raises a retryable ChatServiceError while there is no
        connection, and where it was lost meanwhile.
        """

    async def look(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """The same without watching: it needs no connection, and costs nothing of what a bot user may do."""

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """The newest `limit` messages of a channel outside threads, oldest first. With `until`, the newest of those
        that are not newer than the message with this id, itself included; nothing where it does not exist. `limit` is
        at most 300.
        """

    async def thread(self, parent_id: str, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """A thread: its parent, then its newest `limit` replies, oldest first; `until` as in `recent`. Nothing where
        the parent does not exist.
        """

    async def threads(self, *, since: datetime) -> Sequence[Message]:
        """The parents of the threads in which the bot takes part (it wrote there, or wrote the parent) and in which
        somebody replied since this time; the latest thread first, of whatever channel.
        """

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        """Those of these messages that exist (soft-deleted ones too), by id."""

    def screen_with(self, outgoing: Outgoing) -> None:
        """Have every text and card looked at by this before it is posted, shown or stored."""

    async def send(
        self,
        channel: ChannelRef,
        message: OutgoingMessage,
        *,
        newest: Callable[[], str] | None = None,
        check: Check = unchecked,
    ) -> Message:
        """Post as the bot. Raises DuplicateMessageError if the id exists.

        A write may have to wait, for the budget of calls or for a service that is down. `check` is awaited right before
        each try, after the waiting: what it raises ends the write, and is raised. So is `newest` called, for the text
        instead of the message's own.
        """

    async def update_message(
        self, message_id: str, *, text: str, generating: bool, custom: Mapping[str, Any], check: Check = unchecked
    ) -> None:
        """Store a new text and set these custom fields. This is the write that lasts. `check` as in `send`."""

    async def turn_to_stream(self, message_id: str, *, first: bool) -> None:
        """Return when it is this message's turn to be shown: all that are being written share one budget. Those that
        have shown nothing yet (`first`) come before all others, and among equals who waits longest.
        """

    async def stream_update(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        """Show an unfinished text to watchers, cheaply and possibly without storing it: at its turn or, without having
        waited for one, if nobody waits. False: it was left out, because the budget for writes is spent or the service
        refused; the next one may pass.
        """

    async def delete(self, message_id: str, *, check: Check = unchecked) -> None:
        """Delete a message of the bot's for good. Nothing happens where it is gone. `check` as in `send`."""

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        """Show what the bot is doing for a message; None clears it."""

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        """Show or hide that the bot is typing."""

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        """Mark a channel (or a thread) as read by the bot."""

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """A channel's name and custom data, as they are now. Raises ChatServiceError where it does not exist."""

    async def view(self, channel: ChannelRef, *, limit: int) -> ChannelPage:
        """What `info` and `recent` say, by one call: soft-deleted messages are among them. `limit` is at most 300.
        Raises ChatServiceError where it does not exist.
        """

    async def members(self, channel: ChannelRef, *, ids: Sequence[str] = ()) -> Sequence[Member]:
        """The members of a channel, longest first; with `ids`, those of them who are members (in any order)."""

    async def update_channel(
        self, channel: ChannelRef, *, to_set: Mapping[str, Any] | None = None, unset: Iterable[str] = ()
    ) -> None:
        """Set these custom fields of a channel, remove those, keep the others. What is not there may be removed."""

    async def add_members(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        """Make these users members. Nothing happens for those who are. Raises ChatServiceError for unknown ones."""

    async def find_users(self, roles: Sequence[str]) -> Sequence[User]:
        """All users of the app with one of these roles, by id; none for no roles."""

    async def users(self, ids: Sequence[str]) -> Mapping[str, User]:
        """Those of these users that exist, as they are now, by id."""

    async def react(self, message_id: str, kind: str) -> None:
        """React as the bot. Once more changes nothing."""

    async def reactions(self, message_id: str) -> Sequence[Reaction]:
        """Who reacted how to a message, the latest first. Raises ChatServiceError where it does not exist."""

    async def amend(
        self,
        message_id: str,
        *,
        text: str | None = None,
        custom: Mapping[str, Any] | None = None,
        card: MessageCard | None = None,
    ) -> None:
        """Change what is given of a message, at once, and leave the rest. It may be the bot's own or another's."""
