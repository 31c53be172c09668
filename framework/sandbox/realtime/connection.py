"""One WebSocket: connect, first health check, pings, and what is sent to it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from framework.sandbox.call import Actor, ActorKind, Call
from framework.sandbox.errors import ApiError, invalid, unauthenticated
from framework.sandbox.model.user import USERS, User
from framework.sandbox.operations import Operation
from framework.sandbox.realtime.event import Audience, Event
from framework.sandbox.services import people
from framework.sandbox.views.user import own_user_view, user_view
from framework.sandbox.wire import Dialect

if TYPE_CHECKING:
    from framework.sandbox.sandbox import Sandbox

IDLE_S = 35.0
"""A client that is silent for longer is gone: it pings every 25 s."""
MAX_WAITING = 10_000
"""Frames that may wait for a slow client before it is cut off."""
CLOSED_BY_SERVER = 1001
CLOSED_AS_TOO_SLOW = 1013
REFUSED = 4000
_CONNECT = Operation("Connect", "GET", "/connect", None, None)
_NOBODY = Actor(ActorKind.SERVER)


class Connection:
    """A live WebSocket of a user."""

    def __init__(self, socket: WebSocket, connection_id: str, user_id: str) -> None:
        self.id = connection_id
        self.user_id = user_id
        self.silent = False
        """Set by a fault: frames are dropped, as on a link that is half open."""
        self._socket = socket
        self._outbox: asyncio.Queue[str | int] = asyncio.Queue()

    def send(self, frame: str) -> None:
        """Queue a frame; a client too slow to take its frames is cut off."""
        if self.silent:
            return
        if self._outbox.qsize() >= MAX_WAITING:
            self.close(CLOSED_AS_TOO_SLOW)
            return
        self._outbox.put_nowait(frame)

    def close(self, code: int = CLOSED_BY_SERVER) -> None:
        """Close after what is queued."""
        self._outbox.put_nowait(code)

    async def write(self) -> None:
        """Send what is queued, until a close or the end of the link."""
        while True:
            item = await self._outbox.get()
            if isinstance(item, int):
                await self._socket.close(item)
                return
            await self._socket.send_text(item)


async def serve_connection(sandbox: Sandbox, socket: WebSocket) -> None:
    """The life of one WebSocket on `/connect`."""
    await socket.accept()
    try:
        user = _identify(sandbox, socket)
    except ApiError as error:
        body = {"type": "connection.error", "error": error.body("Connect"), "created_at": sandbox.clock.now()}
        await socket.send_text(Dialect.V1.encode(body).decode())
        await socket.close(REFUSED)
        return
    connection = Connection(socket, sandbox.ids.new(), user.id)
    first = sandbox.hub.add(connection)
    try:
        await _connected(sandbox, connection, user, first=first)
        await _run(sandbox, connection, socket)
    finally:
        _disconnected(sandbox, connection)
        await sandbox.store.commit()


async def _connected(sandbox: Sandbox, connection: Connection, user: User, *, first: bool) -> None:
    user.last_active = sandbox.clock.now()
    if user.role != "anonymous":
        sandbox.store[USERS].put(user)
        await sandbox.store.commit()
    health = _health(sandbox, connection) | {"me": own_user_view(sandbox, user)}
    connection.send(Dialect.V1.encode(health).decode())
    if first:
        _presence(sandbox, user)


async def _run(sandbox: Sandbox, connection: Connection, socket: WebSocket) -> None:
    """Read and write until either ends."""
    writer = asyncio.create_task(connection.write())
    reader = asyncio.create_task(_read(sandbox, connection, socket))
    done, pending = await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await task
    for task in done:
        # A link that broke while a frame was under way is an ordinary end.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            task.result()


async def _read(sandbox: Sandbox, connection: Connection, socket: WebSocket) -> None:
    """Answer pings until the client goes, or is silent too long."""
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                raw = await socket.receive()
        except TimeoutError:
            with contextlib.suppress(RuntimeError):
                await socket.close(CLOSED_BY_SERVER)
            return
        if raw["type"] == "websocket.disconnect":
            return
        if _is_ping(raw.get("text") or raw.get("bytes") or ""):
            connection.send(Dialect.V1.encode(_health(sandbox, connection)).decode())


def _is_ping(raw: str | bytes) -> bool:
    try:
        frame = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    frames = frame if isinstance(frame, list) else [frame]
    return any(isinstance(one, dict) and one.get("type") == "health.check" for one in frames)


def _health(sandbox: Sandbox, connection: Connection) -> dict[str, Any]:
    return {
        "type": "health.check",
        "connection_id": connection.id,
        "cid": "*",
        "created_at": sandbox.clock.now(),
    }


def _identify(sandbox: Sandbox, socket: WebSocket) -> User:
    """The user of a connect, created or updated from its details."""
    query = socket.query_params
    try:
        hello = orjson.loads(query.get("json") or "{}")
    except orjson.JSONDecodeError as error:
        raise invalid(f"json is not valid JSON: {error}") from error
    if not isinstance(hello, dict):
        raise invalid("json must be an object")
    details = hello.get("user_details") or {"id": hello.get("user_id")}
    if not isinstance(details, dict):
        raise invalid("user_details must be an object")
    details = {"id": hello.get("user_id"), **details}
    sandbox.auth.check_key(query.get("api_key"))
    token = query.get("authorization") or socket.headers.get("authorization")
    actor = sandbox.auth.identify(token, query.get("stream-auth-type"), details.get("id"))
    if actor.kind is ActorKind.SERVER:
        raise unauthenticated("a server-side token cannot open a WebSocket")
    call = Call(sandbox, _CONNECT, Dialect.V1, actor, {}, query, {})
    if actor.kind is ActorKind.ANONYMOUS:
        return User(people.check_user_id(details.get("id")), call.now, call.now, role="anonymous")
    if details.get("id") not in (None, actor.user_id):
        raise unauthenticated("the token's user_id differs from that of user_details")
    known = sandbox.store[USERS].get(actor.user_id or "")
    given = {name: value for name, value in details.items() if name not in ("anon", "role", "teams", "teams_role")}
    user = people.upsert(call, {**given, "id": actor.user_id})
    if known is not None and known.deleted_at is not None:
        raise unauthenticated(f"the user {user.id} was deleted")
    return user


def _presence(sandbox: Sandbox, user: User) -> None:
    """user.presence.changed to those who share a channel with the user."""
    call = Call(sandbox, _CONNECT, Dialect.V1, _NOBODY, {}, {}, {})
    others = tuple(other for other in people.related(call, user.id) if other != user.id)
    payload = {"user": user_view(sandbox, user)}
    sandbox.publish(Event("user.presence.changed", call.now, payload, Audience(users=others)))


def _disconnected(sandbox: Sandbox, connection: Connection) -> None:
    last, watched = sandbox.hub.remove(connection)
    user = sandbox.store[USERS].get(connection.user_id)
    if user is None:
        return
    user.last_active = sandbox.clock.now()
    sandbox.store[USERS].put(user)
    view = user_view(sandbox, user)
    for cid in watched:
        if user.id in sandbox.hub.watchers(cid):
            continue
        channel_type, _, channel_id = cid.partition(":")
        payload = {
            "cid": cid,
            "channel_id": channel_id,
            "channel_type": channel_type,
            "user": view,
            "watcher_count": sandbox.hub.watcher_count(cid),
        }
        sandbox.publish(Event("user.watching.stop", sandbox.clock.now(), payload, Audience(watching=cid), cid))
    if last:
        _presence(sandbox, user)
