"""The chat service for real: Stream, or whatever speaks as Stream does."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from framework.stream.client import StreamClient
from framework.stream.events import concerns, is_echo, own_reply, read_event
from framework.stream.ids import IdKey
from framework.stream.model import Connected, Disconnected, Event
from framework.stream.service.channels import StreamChannels
from framework.stream.service.history import StreamHistory
from framework.stream.service.members import StreamMembers
from framework.stream.service.messages import StreamMessages
from framework.stream.service.signals import StreamSignals
from framework.stream.service.users import BotIdentity, StreamUsers
from framework.stream.service.watching import StreamWatching
from framework.stream.sources.socket import EventSocket, Lost, Opened
from framework.stream.timing import Timing


class StreamChatService:
    """`ChatService` on Stream, for one bot user.

    The port says what a method means. Each is that of a part which has the calls about one noun. Reads and writes are
    made server-side in the bot's name, because a user token is good for 60 calls a minute only. The connection and
    watching on it belong to the user and are made with its token.
    """

    def __init__(self, client: StreamClient, identity: BotIdentity, timing: Timing) -> None:
        self._client = client
        self._identity = identity
        self._socket = EventSocket(lambda: client.session, client.base_url, client.credentials, timing)
        self._id_key = IdKey(client.credentials.secret)
        bot = identity.user_id
        channels = StreamChannels(client, bot)
        self.find_channels, self.fitting, self.create_channel = channels.find, channels.fitting, channels.create
        self.look, self.info, self.view, self.update_channel = (
            channels.look,
            channels.info,
            channels.view,
            channels.update,
        )
        self.watch = StreamWatching(client, bot, self._socket).watch
        members = StreamMembers(client, bot, channels)
        self.join, self.members, self.add_members = members.join, members.of, members.add
        history = StreamHistory(client, bot, channels)
        self.recent, self.thread, self.threads = history.recent, history.thread, history.threads
        self.messages, self.reactions = history.messages, history.reactions
        messages = StreamMessages(client, bot, history)
        self.screen_with, self.send, self.update_message = messages.screen_with, messages.send, messages.update_message
        self.turn_to_stream, self.stream_update = messages.turn_to_stream, messages.stream_update
        self.delete, self.amend = messages.delete, messages.amend
        signals = StreamSignals(client, bot)
        self.indicate, self.typing = signals.indicate, signals.typing
        self.mark_read, self.react = signals.mark_read, signals.react
        self._users = StreamUsers(client)
        self.users, self.find_users = self._users.by_id, self._users.with_roles

    @property
    def app(self) -> str:
        """A fingerprint of the app's key: the address may change, as that of a sandbox which was moved."""
        return hashlib.sha256(self._client.credentials.key.encode()).hexdigest()[:12]

    @property
    def id_key(self) -> IdKey:
        """The key for the ids of our messages, derived from the app's secret."""
        return self._id_key

    async def open(self) -> None:
        """Make sure that the bot user exists and the credentials work."""
        await self._users.register(self._identity)

    async def close(self) -> None:
        """Close the connection. Safe to call twice."""
        await self._socket.close()
        await self._client.close()

    async def events(self, *, echoes: bool = True) -> AsyncIterator[Event]:
        """Yield what happens on the connection, until `close`."""
        bot = self._client.credentials.user_id
        async for frame in self._socket.frames():
            if isinstance(frame, Opened):
                yield Connected(again=frame.again)
            elif isinstance(frame, Lost):
                yield Disconnected(frame.reason)
            elif not echoes and is_echo(frame, bot):
                if (reply := own_reply(frame)) is not None:
                    yield reply
            elif (event := read_event(frame)) is not None and concerns(event, bot):
                yield event
