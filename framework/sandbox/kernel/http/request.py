"""What is read of a request before an operation runs: headers, query and body, within their limits."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from framework.sandbox.kernel.errors import ApiError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

MAX_BODY = 5 * 1024 * 1024
MAX_QUERY_FIELDS = 1000
_NAMES = (
    "access-control-request-headers", "api_key", "authorization", "content-length", "host", "origin",
    "stream-auth-type", "x-stream-client",
)  # fmt: skip
_READ = {name.encode(): name for name in _NAMES}


class ClientGoneError(Exception):
    """The client went away before its request was whole: there is nobody to answer."""


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers that calls depend on; of one that came twice, the last."""
    return {_READ[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _READ}


def read_query(scope: Scope) -> dict[str, str]:
    """Return the query string's fields; of one that came twice, the last."""
    return dict(_query(scope["query_string"]))


# Clients repeat the same query string, the api key, with almost every call.
@lru_cache(maxsize=512)
def _query(raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        fields = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise ApiError(400, 4, f"the query string has more than {MAX_QUERY_FIELDS} fields") from error
    return tuple(fields)


async def read_body(headers: dict[str, str], receive: Receive) -> bytes:
    """Return the request's body. Raises ApiError 413 beyond the limit, without reading it all."""
    announced = headers.get("content-length", "0")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > MAX_BODY:
        raise _too_large()
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > MAX_BODY:
            raise _too_large()
        return body
    return await _rest(body, receive)


async def _rest(first: bytes, receive: Receive) -> bytes:
    chunks, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY:
            raise _too_large()
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large() -> ApiError:
    return ApiError(413, 22, f"the request body is larger than {MAX_BODY} bytes")
