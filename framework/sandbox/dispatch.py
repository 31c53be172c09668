"""The edge: from an HTTP request to an operation and back, the same way for both dialects."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request

from framework.sandbox.call import Actor, ActorKind, Call
from framework.sandbox.errors import ApiError, forbidden, not_found, not_implemented
from framework.sandbox.extras.faults import DropConnectionError
from framework.sandbox.operations import Access, Match, Router
from framework.sandbox.services import history
from framework.sandbox.wire import Dialect, decode

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from framework.sandbox.sandbox import Sandbox

_LOG = logging.getLogger("framework.sandbox")
MAX_BODY = 5 * 1024 * 1024
MAX_UPLOAD = 100 * 1024 * 1024
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, retry-after"),
]
_PREFLIGHT = [
    *_CORS,
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, stream-auth-type, x-stream-client, x-client-request-id, x-requested-with",
    ),
    (b"access-control-max-age", b"86400"),
]


class Dispatcher:
    """An ASGI app that answers every operation. Nothing that a client sends makes it answer 500."""

    def __init__(self, sandbox: Sandbox, router: Router) -> None:
        self._sandbox = sandbox
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            await _respond(send, 204, b"", _PREFLIGHT)
            return
        started = time.perf_counter()
        operation: str | None = None
        headers: dict[str, str] = {}
        try:
            match = self._match(scope)
            operation = match.operation.id
            status, body, headers = await self._answer(match, scope, receive, started)
        except ApiError as error:
            status, headers = error.status, error.headers
            body = Dialect.V1.encode(error.body(operation, _duration(started)))
        except DropConnectionError:
            scope["extensions"]["sandbox.abort"]()
            return
        except Exception:  # noqa: BLE001 - the boundary: whatever it was, the client gets Stream's shape and the log the cause
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            status = 500
            body = Dialect.V1.encode(ApiError(500, -1, "internal error").body(operation, _duration(started)))
        self._sandbox.log.add(scope["method"], scope["path"], operation, status, time.perf_counter() - started)
        extra = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await _respond(send, status, body, [(b"content-type", b"application/json"), *_CORS, *extra])

    def _match(self, scope: Scope) -> Match:
        raw = scope.get("raw_path") or scope["path"].encode()
        segments = [unquote(part) for part in raw.split(b"?")[0].decode("latin-1").strip("/").split("/")]
        match = self._router.match(scope["method"], segments)
        if match is None:
            raise not_found(f"{scope['method']} {scope['path']} is not an endpoint of this API")
        return match

    async def _answer(
        self, match: Match, scope: Scope, receive: Receive, started: float
    ) -> tuple[int, bytes, dict[str, str]]:
        sandbox, operation = self._sandbox, match.operation
        request = Request(scope, receive)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        raw = await _body(request) if operation.needs_body else b""
        actor = self._authenticate(request, query, operation.access)
        if operation.handler is None:
            raise not_implemented(operation.id)
        fault = sandbox.faults.take(operation.id, operation.method, scope["path"])
        if fault is not None:
            await fault.before(sandbox)
        if operation.access is Access.SERVER and not actor.is_server:
            raise forbidden(f"{operation.id} is only allowed with a server-side token")
        call = Call(sandbox, operation, match.dialect, actor, match.path_params, query, decode(raw), request)
        if sandbox.alarm.is_due():
            await sandbox.alarm.run()
        result = await self._run(call)
        if fault is not None:
            await fault.after(sandbox)
        body = match.dialect.encode({**result, "duration": _duration(started)})
        return operation.status, body, {}

    async def _run(self, call: Call) -> Mapping[str, Any]:
        """Run the handler, make its changes durable, then let its events out: in that order."""
        sandbox, operation = self._sandbox, call.operation
        before = sandbox.store.version
        try:
            result: Any = cast("Any", operation.handler)(call)
            if operation.is_async:
                result = await result
        finally:
            # Also after a refusal: an earlier step of the handler may have upserted the acting user.
            for event in call.events:
                history.keep(sandbox, event)
            if sandbox.store.version != before:
                await sandbox.store.commit()
        for event in call.events:
            sandbox.publish(event)
        return cast("Mapping[str, Any]", result)

    def _authenticate(self, request: Request, query: dict[str, str], access: Access) -> Actor:
        headers = request.headers
        auth = self._sandbox.auth
        auth.check_key(query.get("api_key") or headers.get("api_key"))
        auth_type = headers.get("stream-auth-type") or query.get("stream-auth-type")
        token = headers.get("authorization") or query.get("authorization")
        if access is Access.OPEN and not token:
            return Actor(ActorKind.ANONYMOUS)
        return auth.identify(token, auth_type, query.get("user_id"))


async def _body(request: Request) -> bytes:
    """The request's body. Raises ApiError 413 beyond the limit, without reading it all."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 22, f"the body is larger than {MAX_BODY} bytes")
    chunks, size = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 22, f"the body is larger than {MAX_BODY} bytes")
    return b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _duration(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.2f}ms"
