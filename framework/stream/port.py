"""The port to a chat service: all that the runtime asks of it. Stream and the tests' twin in memory implement it."""

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
"""A check right before a write. It raises if the write must not happen."""


Outgoing = Callable[[ChannelRef | None, str, bool], str]
"""Given the channel (None: not known), a text, and whether more of the text follows: return the text to post."""


def unscreened(_channel: ChannelRef | None, text: str, _partial: bool) -> str:
    """Return the text as it is."""
    return text


async def unchecked() -> None:
    """Check nothing."""


class ChatService(Protocol):
    """One bot user's view of a chat service.

    Every call raises ChatServiceError (see `retryable`) when the service refuses or stays unreachable after the
    implementation's own retries. An implementation is bound to one bot user when it is made.
    """

    @property
    def app(self) -> str:
        """A short name of the app. It is the same in every process and at every start, and not a secret."""

    @property
    def id_key(self) -> IdKey:
        """The key for the ids of our messages, derived from the app's secret: the same in every process of the app."""

    async def open(self) -> None:
        """Make sure that the bot user exists and the credentials work. Raises ChatServiceError."""

    async def close(self) -> None:
        """Close the connection. Safe to call twice."""

    def events(self, *, echoes: bool = True) -> AsyncIterator[Event]:
        """Connect and yield events until `close`. The first event is `Connected(again=False)`.

        A lost connection is made again, with pauses: it yields `Disconnected`, then `Connected(again=True)`. Without
        `echoes`, new texts of messages that the bot wrote itself may be left out.
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
        """Return all channels of a type, newest first.

        `created_after` leaves out older channels. `where` leaves out channels whose fields have other values. `joined`
        leaves out channels that the bot is not a member of. `without` leaves out channels with this custom field, if it
        is true.
        """

    async def fitting(
        self, channels: Sequence[ChannelRef], *, where: Mapping[str, Any], joined: bool
    ) -> Sequence[ChannelRef]:
        """Return those of these channels whose fields have these values; with `joined`, those that the bot is in."""

    async def create_channel(self, channel: ChannelRef, *, custom: Mapping[str, Any] | None = None) -> None:
        """Create a channel with the bot as its member. Do nothing if it exists."""

    async def join(self, channels: Sequence[ChannelRef]) -> None:
        """Become a member of these channels. Do nothing in those that the bot is in already."""

    async def watch(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """Watch channels on the live connection, and return each with its newest `limit` messages.

        Channels that are gone or closed to the bot are left out. Raises a retryable ChatServiceError while there is no
        connection, and if the connection is lost meanwhile.
        """

    async def look(self, channels: Sequence[ChannelRef], *, limit: int) -> Sequence[ChannelState]:
        """Return what `watch` returns, without watching. It needs no connection, and no call of the bot user's own."""

    async def recent(self, channel: ChannelRef, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """Return the newest `limit` (at most 300) messages of a channel outside threads, oldest first.

        With `until`, the last of them is the message with this id. If that does not exist, nothing is returned.
        """

    async def thread(self, parent_id: str, *, limit: int, until: str | None = None) -> Sequence[Message]:
        """Return a thread: its parent, then its newest `limit` replies, oldest first. `until` is as in `recent`.

        Return nothing if the parent does not exist.
        """

    async def threads(self, *, since: datetime) -> Sequence[Message]:
        """Return the parents of the bot's threads, of all channels, that had a reply since this time; the latest first.

        The bot's threads are those in which it wrote the parent or a reply.
        """

    async def messages(self, channel: ChannelRef, ids: Sequence[str]) -> Mapping[str, Message]:
        """Return those of these messages that exist, soft-deleted ones too, by id."""

    def screen_with(self, outgoing: Outgoing) -> None:
        """Pass every text and card through this function before it is posted, shown or stored."""

    async def send(
        self,
        channel: ChannelRef,
        message: OutgoingMessage,
        *,
        newest: Callable[[], str] | None = None,
        check: Check = unchecked,
    ) -> Message:
        """Post a message as the bot, and return it. Raises DuplicateMessageError if the id exists.

        A write may wait for the budget of calls, or for a service that is down. Right before each try, after the wait,
        `check` is awaited and `newest` is called. What `check` raises ends the write. What `newest` returns is posted
        instead of the message's own text.
        """

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
        """Store a new text and set these custom fields. Unlike `stream_update`, this lasts. `check` is as in `send`.

        `channel`: where the message is. Without it, the text must be one that may be posted anywhere.
        """

    async def turn_to_stream(self, message_id: str, *, first: bool) -> None:
        """Wait until `stream_update` may show this message's text: all messages in progress share one budget.

        Messages that have shown nothing yet (`first`) come before the others. Of two alike, the one that waits longer
        is next.
        """

    async def stream_update(self, channel: ChannelRef, message_id: str, *, text: str) -> bool:
        """Show an unfinished text to those who watch. It may not be stored. Return False if it was left out.

        Call it after `turn_to_stream`. Without that, the text is left out while other messages wait. It is also left
        out if the budget for writes is spent, or if the service refuses. The next update may pass.
        """

    async def delete(self, message_id: str, *, check: Check = unchecked) -> None:
        """Delete a message of the bot's for good. Do nothing if it is gone. `check` is as in `send`."""

    async def indicate(self, channel: ChannelRef, message_id: str, state: AIState | None) -> None:
        """Show what the bot is doing for a message; None clears it."""

    async def typing(self, channel: ChannelRef, *, parent_id: str | None, on: bool) -> None:
        """Show or hide that the bot is typing."""

    async def mark_read(self, channel: ChannelRef, *, parent_id: str | None = None) -> None:
        """Mark a channel (or a thread) as read by the bot."""

    async def info(self, channel: ChannelRef) -> ChannelInfo:
        """Return a channel's name and custom data as they are now. Raises ChatServiceError if it does not exist."""

    async def view(self, channel: ChannelRef, *, limit: int) -> ChannelPage:
        """Return what `info` and `recent` return, in one call; soft-deleted messages are included.

        `limit` is at most 300. Raises ChatServiceError if the channel does not exist.
        """

    async def members(self, channel: ChannelRef, *, ids: Sequence[str] = ()) -> Sequence[Member]:
        """Return the members of a channel, those who joined first at the front.

        With `ids`, return those of these users who are members, in any order.
        """

    async def update_channel(
        self, channel: ChannelRef, *, to_set: Mapping[str, Any] | None = None, unset: Iterable[str] = ()
    ) -> None:
        """Set some custom fields of a channel and remove some. A field that does not exist may be removed."""

    async def add_members(self, channel: ChannelRef, user_ids: Sequence[str]) -> None:
        """Make users members of a channel. Those who are members stay. Raises ChatServiceError for unknown users."""

    async def find_users(self, roles: Sequence[str]) -> Sequence[User]:
        """Return all users of the app with one of these roles, sorted by id."""

    async def users(self, ids: Sequence[str]) -> Mapping[str, User]:
        """Return those of these users that exist, as they are now, by id."""

    async def react(self, message_id: str, kind: str) -> None:
        """React to a message as the bot. The same reaction twice counts once."""

    async def reactions(self, message_id: str) -> Sequence[Reaction]:
        """Return the reactions to a message, the latest first. Raises ChatServiceError if it does not exist."""

    async def amend(
        self,
        message_id: str,
        *,
        text: str | None = None,
        custom: Mapping[str, Any] | None = None,
        card: MessageCard | None = None,
        channel: ChannelRef | None = None,
    ) -> str:
        """Change what is given of a message, in one call, and leave the rest. The author may be anybody.

        `channel` is as in `update_message`. Returns the text as the service keeps it.
        """
