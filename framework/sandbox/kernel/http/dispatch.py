"""The edge: from an HTTP request to an operation and back, the same way for both dialects."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request

from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import ApiError, forbidden, invalid, not_found, not_implemented
from framework.sandbox.kernel.faults import DropConnectionError
from framework.sandbox.kernel.http.origin import allows, unknown_name
from framework.sandbox.kernel.http.request import ClientGoneError, read_body, read_headers, read_query
from framework.sandbox.kernel.http.router import RouteMatch, Router
from framework.sandbox.kernel.operations import Access, Handler
from framework.sandbox.kernel.protocol import Actor, ActorKind
from framework.sandbox.kernel.wire import WireDialect, decode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from framework.sandbox.kernel.faults import Fault
    from framework.sandbox.kernel.sandbox import Sandbox

FOR_ANONYMOUS = frozenset(
    {
        "CreateGuest", "GetApp", "GetChannel", "GetManyMessages", "GetMessage", "GetOrCreateChannel",
        "GetPinnedMessages", "GetPoll", "GetReactions", "GetReplies", "GetThread", "QueryChannels", "QueryMembers",
        "QueryReactions", "StopWatchingChannel", "Sync",
    }
)  # fmt: skip
"""What somebody without a token may call: they read the channels that are open to all."""
Headers = list[tuple[bytes, bytes]]
_SAID_AS = {"UploadChannelFile": "UploadFile", "UploadChannelImage": "UploadImage"}
"""Operations that the service calls by another name in its errors."""
_log = logging.getLogger("framework.sandbox")
_EXPOSED = b"x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after"
_JSON: Headers = [(b"content-type", b"application/json")]
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    (b"access-control-allow-private-network", b"true"),
    (b"access-control-max-age", b"86400"),
]
_ALLOWED_HEADERS = (
    b"authorization, content-type, stream-auth-type, x-stream-client, x-client-request-id, x-requested-with"
)


class Dispatcher:
    """An ASGI app that answers every operation. Nothing that a client sends makes it answer 500."""

    def __init__(self, sandbox: Sandbox, router: Router) -> None:
        self._sandbox = sandbox
        self._router = router

    def find(self, scope: Scope) -> RouteMatch | None:
        """The operation that a request is for, or None."""
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        text = raw.split(b"?")[0].decode("latin-1").strip("/")
        segments = [unquote(part) for part in text.split("/")] if "%" in text else text.split("/")
        return self._router.match(scope["method"], segments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            await preflight(scope, send, self._sandbox)
        else:
            await self.answer(self.find(scope), scope, receive, send)

    async def answer(self, match: RouteMatch | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for an operation that was found, or for none."""
        started = time.perf_counter()
        operation = match.operation.id if match is not None else None
        headers: Headers = []
        page: Headers = []
        try:
            given = read_headers(scope)
            page += for_page(given.get("origin"), given.get("host", ""), self._sandbox)
            status, body = await self._perform(match, given, scope, receive, headers, started)
        except ApiError as error:
            status = error.status
            body = WireDialect.V1.encode(error.body(_SAID_AS.get(operation or "", operation), _duration(started)))
            if error.headers:
                headers[:] = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        except DropConnectionError:
            scope["extensions"]["sandbox.abort"]()
            return
        except ClientGoneError:
            return
        except Exception:  # noqa: BLE001 - the boundary: the client gets Stream's shape, and the log gets the cause
            _log.exception("%s %s failed", scope["method"], scope["path"])
            status = 500
            body = WireDialect.V1.encode(ApiError(500, -1, "internal error").body(operation, _duration(started)))
        self._sandbox.log.add(scope["method"], scope["path"], operation, status, time.perf_counter() - started)
        headers += page
        await _respond(send, status, body, [*_JSON, *headers])

    async def _perform(
        self,
        match: RouteMatch | None,
        given: dict[str, str],
        scope: Scope,
        receive: Receive,
        headers: Headers,
        started: float,
    ) -> tuple[int, bytes]:
        if match is None:
            raise not_found(f"{scope['method']} {scope['path']} is not an endpoint of this API")
        sandbox, operation = self._sandbox, match.operation
        query = read_query(scope)
        raw = await read_body(given, receive) if operation.needs_body else b""
        actor = self._authenticate(given, query, operation.access)
        headers += sandbox.limits.take(operation.id, actor, given.get("x-stream-client")).headers()
        if operation.handler is None:
            raise not_implemented(operation.id)
        fault = sandbox.faults.take(operation.id, operation.method, scope["path"])
        if fault is not None:
            await fault.before()
        if operation.access is Access.SERVER and not actor.is_server:
            raise forbidden(f"{operation.id} is only allowed with a server-side token")
        if actor.kind is ActorKind.ANONYMOUS and operation.id not in FOR_ANONYMOUS:
            raise forbidden(f"User with role anonymous is not allowed to perform action {operation.id}")
        if sandbox.scheduler.is_due():
            await sandbox.scheduler.run()
        request = Request(scope, receive)
        call = Call(sandbox, operation.id, match.dialect, actor, match.path_params, query, decode(raw), request)
        result = await self._run(operation.handler, call, fault)
        if fault is not None:
            await fault.after(sandbox.hub, query.get("connection_id", ""), actor.user_id)
        dialect = spoken(match.dialect, given.get("x-stream-client"))
        return operation.status, dialect.encode({**result, "duration": _duration(started)})

    async def _run(self, handler: Handler, call: Call, fault: Fault | None) -> Mapping[str, Any]:
        """Run the handler, make its changes durable, then let its events out: in that order."""
        sandbox = self._sandbox
        before = sandbox.store.version
        try:
            result: Any = handler(call)
            if type(result) is not dict and isawaitable(result):
                result = await result
        finally:
            # Also after a refusal: an earlier step of the handler may have upserted the acting user.
            for event in call.events:
                sandbox.keep(event)
            if sandbox.store.version != before:
                await sandbox.store.commit()
        for event in call.events:
            if fault is not None:
                event.hook_fault = fault.webhook
            sandbox.publish(event)
        if call.events:
            await asyncio.sleep(0)  # the WebSockets are written to first: an answer comes after its events
        return result  # type: ignore[no-any-return]  # what handlers return

    def _authenticate(self, headers: Mapping[str, str], query: Mapping[str, str], access: Access) -> Actor:
        auth = self._sandbox.auth
        auth.check_key(query.get("api_key") or headers.get("api_key"))
        auth_type = headers.get("stream-auth-type") or query.get("stream-auth-type")
        token = headers.get("authorization") or query.get("authorization")
        if access is Access.OPEN and not token:
            return Actor(ActorKind.ANONYMOUS)
        return auth.identify(token, auth_type, query.get("user_id"))


def spoken(dialect: WireDialect, client: str | None) -> WireDialect:
    """How to answer: the JavaScript client calls paths of v2 too, and has v1's times and objects there as well."""
    return WireDialect.V1 if dialect is WireDialect.V2 and client is not None and "stream-chat" in client else dialect


def for_page(origin: str | None, host: str, sandbox: Sandbox) -> Headers:
    """The headers by which a browser lets a page read the answer; none for callers that are not pages.

    Raises ApiError 403 for pages of other sites: a developer's browser must not carry their calls to this machine.
    """
    if origin is None:
        return []
    if not allows(origin, host, sandbox.config):
        raise unknown_name(origin)
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"origin"),
    ]


async def preflight(scope: Scope, send: Send, sandbox: Sandbox) -> None:
    """Let pages of this machine and of allowed hosts call the API: their token says who they are, not a cookie."""
    given = read_headers(scope)
    try:
        page = for_page(given.get("origin"), given.get("host", ""), sandbox)
    except ApiError as error:
        await _respond(send, error.status, WireDialect.V1.encode(error.body(None)), [*_JSON])
        return
    asked = given.get("access-control-request-headers", "")
    allowed = asked.encode() if asked and asked.isascii() and len(asked) < 1000 else _ALLOWED_HEADERS
    await _respond(send, 204, b"", [*page, *_PREFLIGHT, (b"access-control-allow-headers", allowed)])


def unreadable() -> bytes:
    """Return the whole answer to bytes that are not an HTTP request, or whose URL or headers are too long."""
    body = WireDialect.V1.encode(
        invalid("the request is not valid HTTP, or its URL or headers are too long").body(None)
    )
    head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _duration(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.2f}ms"
