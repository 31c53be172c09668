"""The connections, what each watches, and the routing of events to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from framework.sandbox.kernel.wire import WireDialect

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

    from framework.sandbox.kernel.realtime.event import Audience, Event

MAX_WAITING = 16 * 1024 * 1024
"""Characters that may wait for a slow client before it is cut off."""
CLOSED_BY_SERVER = 1001


class Connection:
    """A live WebSocket of a user. `abort` cuts it without a word."""

    def __init__(self, connection_id: str, user_id: str, abort: Callable[[], None]) -> None:
        self.id = connection_id
        self.user_id = user_id
        self.silent = False
        """Set by a fault: what is sent is dropped, as on a link that is half open."""
        self._abort = abort
        self._waiting = 0
        self._outbox: asyncio.Queue[str | int] = asyncio.Queue()

    def send(self, text: str) -> None:
        """Send a message; a client too slow to take its messages is cut off."""
        if self.silent:
            return
        self._waiting += len(text)
        if self._waiting > MAX_WAITING:
            self._abort()
            return
        self._outbox.put_nowait(text)

    def close(self, code: int = CLOSED_BY_SERVER) -> None:
        """Close after what was sent."""
        self._outbox.put_nowait(code)

    async def write(self, socket: WebSocket) -> None:
        """Write what is sent, until the WebSocket is closed from either side."""
        try:
            while isinstance(item := await self._outbox.get(), str):
                await socket.send_text(item)
                self._waiting -= len(item)
            await socket.close(item)
        except WebSocketDisconnect:
            return  # the reader learns of it, too, and ends the connection


class Hub:
    """Routes events. Several connections of one user are several receivers; watching is per connection."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, Connection]] = {}
        self._watching: dict[str, dict[str, Connection]] = {}
        self._watched_by: dict[str, set[str]] = {}

    def add(self, connection: Connection) -> bool:
        """Take in a connection; true when it is its user's first."""
        self._connections[connection.id] = connection
        mine = self._by_user.setdefault(connection.user_id, {})
        mine[connection.id] = connection
        return len(mine) == 1

    def remove(self, connection: Connection) -> tuple[bool, list[str]]:
        """Let a connection go: whether it was its user's last, and the channels that it watched."""
        self._connections.pop(connection.id, None)
        mine = self._by_user.get(connection.user_id, {})
        mine.pop(connection.id, None)
        if not mine:
            self._by_user.pop(connection.user_id, None)
        watched = sorted(self._watched_by.pop(connection.id, ()))
        for cid in watched:
            self._forget(cid, connection.id)
        return not mine, watched

    def connection(self, connection_id: str) -> Connection | None:
        """Return a live connection by id."""
        return self._connections.get(connection_id)

    def connections(self) -> list[Connection]:
        """Return all live connections."""
        return list(self._connections.values())

    def of_user(self, user_id: str) -> list[Connection]:
        """Return a user's live connections."""
        return list(self._by_user.get(user_id, {}).values())

    def is_online(self, user_id: str) -> bool:
        """Return whether a user has a connection."""
        return user_id in self._by_user

    def watch(self, cid: str, connection: Connection) -> bool:
        """Watch a channel; true when this is the first connection of its user to do so."""
        watchers = self._watching.setdefault(cid, {})
        first = all(other.user_id != connection.user_id for other in watchers.values())
        watchers[connection.id] = connection
        self._watched_by.setdefault(connection.id, set()).add(cid)
        return first

    def unwatch(self, cid: str, connection: Connection) -> bool:
        """Stop watching; true when no connection of the user watches any more."""
        self._forget(cid, connection.id)
        self._watched_by.get(connection.id, set()).discard(cid)
        return all(other.user_id != connection.user_id for other in self._watching.get(cid, {}).values())

    def watchers(self, cid: str) -> list[str]:
        """Return the users that watch a channel, each once, in the order they came."""
        return list(dict.fromkeys(connection.user_id for connection in self._watching.get(cid, {}).values()))

    def watcher_count(self, cid: str) -> int:
        """Return how many users watch a channel."""
        return len({connection.user_id for connection in self._watching.get(cid, {}).values()})

    def publish(self, event: Event) -> None:
        """Send an event to its audience. It is encoded once for all who see the same of it."""
        shared: bytes | None = None
        texts: dict[bytes, str] = {}
        for connection in self._receivers(event.audience):
            if shared is None:
                shared = WireDialect.V1.encode(event.body())
            own = WireDialect.V1.encode(event.per_user(connection.user_id)) if event.per_user is not None else b"{}"
            text = texts.get(own)
            if text is None:
                text = texts[own] = _joined(shared, own).decode()
            connection.send(text)

    def reaches(self, audience: Audience) -> bool:
        """Return whether an event for this audience would reach any connection now."""
        return bool(self._connections) and any(True for _ in self._receivers(audience))

    def _receivers(self, audience: Audience) -> Iterable[Connection]:
        if audience.watching is not None:
            found: Iterable[Connection] = list(self._watching.get(audience.watching, {}).values())
        elif audience.everyone:
            found = self.connections()
        else:
            by_user = self._by_user
            online = [user_id for user_id in audience.users if user_id in by_user]
            found = [connection for user_id in online for connection in by_user[user_id].values()]
        if audience.absent_from is not None:
            present = self._watching.get(audience.absent_from, {})
            found = [connection for connection in found if connection.id not in present]
        if audience.exclude is not None:
            found = [connection for connection in found if connection.id != audience.exclude]
        if audience.only is not None:
            found = [connection for connection in found if connection.user_id in audience.only]
        return found

    def _forget(self, cid: str, connection_id: str) -> None:
        watchers = self._watching.get(cid)
        if watchers is not None:
            watchers.pop(connection_id, None)
            if not watchers:
                del self._watching[cid]


def _joined(encoded: bytes, more: bytes) -> bytes:
    """Return an encoded JSON object with the fields of another, without decoding either."""
    return encoded if more == b"{}" else b"%b,%b" % (encoded[:-1], more[1:])
