"""One HTTP exchange with the service, and what its answer means."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from framework.errors import ChatServiceError
from framework.net.headers import service_time
from framework.stream.client import read_refusal
from framework.stream.failure import garbled, refused, unreachable

if TYPE_CHECKING:
    from pydantic import SecretStr

    from framework.catalog.execution.request import HttpRequest

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
AGENT = "agents-in-channels"


class _BrokenOffError(aiohttp.ClientError):
    """The connection ended before an answer came: caused by the library's own error for that."""


class NotSentError(ChatServiceError):
    """The service was never reached: whatever was asked, it did not happen."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its HTTP status, headers and JSON."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def time(self) -> datetime | None:
        """The service's clock, if it told."""
        return service_time(self.headers)


class RefusedAnswerError(Exception):
    """An answer that says no, with its headers. Inside this package only: `error` is what others get to see."""

    def __init__(self, error: ChatServiceError, headers: Mapping[str, str]) -> None:
        super().__init__(error.what)
        self.error = error
        self.headers = headers


class Transport:
    """Sends requests to one Stream app. `base_url` has no path; `redact` strikes secrets out of what it says."""

    def __init__(self, base_url: str, key: str, redact: Callable[[str], str]) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._redact = redact
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest, token: SecretStr) -> Response:
        """Send once. Raises RefusedAnswerError, NotSentError, or ChatServiceError where nobody knows what happened.

        None of them is chained to the library's own error: that one may hold the token.
        """
        headers = {
            "Authorization": token.get_secret_value(),
            "stream-auth-type": "jwt",
            "X-Stream-Client": AGENT,
        }
        try:
            async with self._open().request(
                request.method, self._url(request), headers=headers, allow_redirects=False, **_content(request)
            ) as answer:
                status, text, told = answer.status, await answer.text(), dict(answer.headers)
        except aiohttp.ClientConnectorError as error:
            failure = unreachable(self._base_url, error)
            raise NotSentError(failure.what, retryable=True, hint=failure.hint) from None
        except _BrokenOffError as error:
            raise unreachable(self._base_url, error.__cause__ or error) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self._base_url, error) from None
        return self._read(status, text, _lower(told))

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _read(self, status: int, text: str, headers: Mapping[str, str]) -> Response:
        if status >= 300:
            code, message = read_refusal(text)
            # A service, or what stands before it, may repeat what it was shown.
            raise RefusedAnswerError(refused(self._base_url, status, code, self._redact(message)), headers)
        try:
            body = json.loads(text) if text.strip() else {}
        except ValueError:
            raise garbled(self._base_url, status) from None
        return Response(status, headers, body if isinstance(body, dict) else {"items": body})

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, middlewares=(_once,))
        return self._session

    def _url(self, request: HttpRequest) -> URL:
        # The path is quoted already and must leave as it is.
        return URL(self._base_url + request.path, encoded=True).with_query({**request.query, "api_key": self._key})


async def _once(
    request: aiohttp.ClientRequest, handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    """The library repeats a PUT or DELETE whose connection ends, but not after an error it does not know."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method == "GET" or isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise _BrokenOffError from error


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _content(request: HttpRequest) -> dict[str, Any]:
    if not request.form:
        return {} if request.body is None else {"json": request.body}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, upload in request.files.items():
        form.add_field(name, upload.content, filename=upload.name, content_type=upload.mime)
    for name, value in (request.body or {}).items():
        if isinstance(value, str):
            form.add_field(name, value)
        else:
            form.add_field(name, json.dumps(value, ensure_ascii=False), content_type="application/json")
    return {"data": form}
