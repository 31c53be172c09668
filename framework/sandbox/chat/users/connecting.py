"""The life of one WebSocket: connect, first health check, pings, and the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.own_view import own_user_view
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, invalid, unauthenticated
from framework.sandbox.kernel.faults import DropConnectionError
from framework.sandbox.kernel.http.origin import allows, unknown_name
from framework.sandbox.kernel.protocol import Actor, ActorKind
from framework.sandbox.kernel.realtime.event import Audience, Event
from framework.sandbox.kernel.realtime.hub import Connection
from framework.sandbox.kernel.wire import WireDialect, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

    from framework.sandbox.kernel.sandbox import Sandbox

IDLE_S = 35.0
"""A client that is silent for longer is gone: it pings every 25 s."""
REFUSED = 4000
_CONNECT = "Connect"
_NOBODY = Actor(ActorKind.SERVER)


async def serve_connection(sandbox: Sandbox, socket: WebSocket) -> None:
    """The life of one WebSocket on `/connect`."""
    await socket.accept()
    abort: Callable[[], None] = socket.scope["extensions"]["sandbox.abort"]
    fault = sandbox.faults.take("Connect", "GET", "/connect")
    try:
        if fault is not None:
            await fault.before()
        user = _identify(sandbox, socket)
    except ApiError as error:
        body = {"type": "connection.error", "error": error.body("Connect"), "created_at": sandbox.clock.now()}
        await socket.send_text(WireDialect.V1.encode(body).decode())
        await socket.close(REFUSED)
        return
    except DropConnectionError:
        abort()
        return
    connection = Connection(sandbox.ids.new(), user.id, abort)
    writer = asyncio.create_task(connection.write(socket))
    try:
        await _connected(sandbox, connection, user)
        if fault is not None:
            fault.strike([connection])
        await _read(sandbox, connection, socket)
    finally:
        writer.cancel()
        _disconnected(sandbox, connection)
        await sandbox.store.commit()


async def _connected(sandbox: Sandbox, connection: Connection, user: User) -> None:
    user.last_active = sandbox.clock.now()
    if user.role != "anonymous":
        sandbox.store[USERS].put(user)
        await sandbox.store.commit()
    # Nothing waits between these two: the health check is the first frame, whatever happens meanwhile.
    first = sandbox.hub.add(connection)
    health = _health(sandbox, connection) | {"me": own_user_view(sandbox, user)}
    connection.send(WireDialect.V1.encode(health).decode())
    if first:
        _presence(sandbox, user)


async def _read(sandbox: Sandbox, connection: Connection, socket: WebSocket) -> None:
    """Answer pings until the client goes, or is silent too long."""
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                raw = await socket.receive()
        except TimeoutError:
            connection.close()
            continue  # the end is read like that of a client
        if raw["type"] == "websocket.disconnect":
            return
        if _is_ping(raw.get("text") or raw.get("bytes") or ""):
            connection.send(WireDialect.V1.encode(_health(sandbox, connection)).decode())


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
    """Return the user of a connect, created or updated from its details."""
    query = socket.query_params
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if origin is not None and not allows(origin, host, sandbox.config):
        raise unknown_name(origin)
    hello = parse_json(query.get("json") or "{}", "json")
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
    sandbox.limits.take(_CONNECT, actor, query.get("X-Stream-Client"))
    call = Call(sandbox, _CONNECT, WireDialect.V1, actor, {}, query, {})
    if actor.kind is ActorKind.ANONYMOUS:
        people.check_user_id(details.get("id"))
        return people.acting_user(call)
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
    call = Call(sandbox, _CONNECT, WireDialect.V1, _NOBODY, {}, {}, {})
    others = tuple(other for other in people.related(call, user.id) if other != user.id)
    payload = {"user": user_view(sandbox, user)}
    sandbox.publish(Event("user.presence.changed", call.now, payload, Audience(users=others)))


def _disconnected(sandbox: Sandbox, connection: Connection) -> None:
    if sandbox.hub.connection(connection.id) is None:
        return
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
