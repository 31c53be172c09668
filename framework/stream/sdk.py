"""Stream's SDK on a shorter way to the wire. This module costs a second to import: import it late.

The SDK says which call is made how. Its transport decodes each answer three times and copies its headers; that was a
third of the processor of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp
from stream_chat.async_chat import StreamChatAsync
from stream_chat.async_chat.client import get_user_agent
from stream_chat.base.exceptions import StreamAPIException
from stream_chat.types.stream_response import StreamResponse

from framework.stream.fast_json import dumps, loads
from framework.values import Json, JsonObject

_REFUSED = 399  # from this status on the SDK takes an answer for an error
_WITHOUT_BODY = frozenset({"get"})


@dataclass
class HttpAnswer:
    """Status and headers of an HTTP answer: the SDK does not return them for one that refuses."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


http_answer: ContextVar[HttpAnswer] = ContextVar("http_answer")
"""Set it before a call: what comes back is noted there."""


class StreamSdk(StreamChatAsync):
    """The SDK with one session of ours. Errors are the SDK's own."""

    async def _make_request(
        self,
        method: Callable[..., AbstractAsyncContextManager[aiohttp.ClientResponse]],
        relative_url: str,
        params: JsonObject | None = None,
        data: Json = None,
    ) -> StreamResponse:
        """Make one request. `method` is one of the session's, named as the HTTP method."""
        query = {"api_key": self.api_key}
        for name, value in (params or {}).items():
            query[name] = str(value).lower() if isinstance(value, bool) else value
        async with method(
            "/" + relative_url.lstrip("/"),
            data=None if method.__name__ in _WITHOUT_BODY else dumps(data or {}),
            headers={
                "Content-type": "application/json",
                "X-Stream-Client": get_user_agent(),
                "Authorization": self.auth_token,
                "stream-auth-type": "jwt",
            },
            params=query,
            timeout=self.timeout,
        ) as response:
            noted = http_answer.get(None)
            if noted is not None:
                noted.status, noted.headers = response.status, response.headers
            return await _parsed(response)


async def _parsed(response: aiohttp.ClientResponse) -> StreamResponse:
    body = await response.read()
    is_json = response.content_type == "application/json" or response.content_type.endswith("+json")
    if response.status >= _REFUSED or (body and not is_json):
        raise StreamAPIException(await response.text(errors="replace"), response.status)
    return StreamResponse(loads(body) if body else {}, {}, response.status)
