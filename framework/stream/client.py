"""The official SDK behind one door: a rate budget, retries, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from framework.errors import ChatServiceError
from framework.stream.budget import Bucket, Budget, Endpoint
from framework.stream.credentials import Credentials, short_secrets
from framework.stream.failure import RATE_LIMITED, TOKEN_CODES, garbled, refused, unreachable
from framework.stream.timing import Timing

if TYPE_CHECKING:
    from stream_chat.async_chat import StreamChatAsync  # noqa: TID251 - this module adapts the SDK

Json = Mapping[str, Any]
Request = Callable[["StreamChatAsync"], Awaitable[Json]]

TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
# Tries for a call that must happen (some 10 s of them), for an ordinary one, and for one that nobody would miss.
PATIENT, ORDINARY, BRIEF = 8, 5, 1
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
# A limit is counted by the minute; a reset further away than that is a clock that is wrong.
LONGEST_LIMIT = 60.0

log = structlog.get_logger()


@dataclass
class _Answer:
    """What the SDK does not hand on of an HTTP answer."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def time(self) -> datetime | None:
        """The service's clock."""
        try:
            return parsedate_to_datetime(self.headers["Date"])
        except (KeyError, ValueError):
            return None

    def number(self, name: str) -> float | None:
        """A header as a number; of several, the first."""
        try:
            return float(self.headers.get(name, "").split(",")[0])
        except ValueError:
            return None


_answer: ContextVar[_Answer] = ContextVar("_answer")


async def _note(
    request: aiohttp.ClientRequest, handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]]
) -> aiohttp.ClientResponse:
    response = await handler(request)
    if answer := _answer.get(None):
        answer.status, answer.headers = response.status, response.headers
    return response


class StreamClient:
    """Calls the service, as the app (server-side) or as the bot user. Raises ChatServiceError, nothing else."""

    def __init__(self, credentials: Credentials, base_url: str, timing: Timing) -> None:
        self.credentials = credentials
        self.base_url = base_url
        self._timing = timing
        self._budget = Budget(timing)
        self._session: aiohttp.ClientSession | None = None
        self._sdks: dict[bool, StreamChatAsync] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one HTTP session, for the SDK and the event connection."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                base_url=self.base_url,
                connector=aiohttp.TCPConnector(keepalive_timeout=59.0, limit=0),
                middlewares=(_note,),
            )
        return self._session

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        session, self._session = self._session, None
        self._sdks.clear()
        if session is not None:
            await session.close()

    async def as_server(
        self,
        endpoint: Endpoint,
        request: Request,
        *,
        tries: int = ORDINARY,
        failures: list[ChatServiceError] | None = None,
    ) -> Json:
        """Call with the app's own rights. What failed on the way to success is added to `failures`."""
        return await self._call(endpoint, request, as_user=False, tries=tries, failures=failures)

    async def as_user(self, endpoint: Endpoint, request: Request, *, tries: int = ORDINARY) -> Json:
        """Call with the bot's own token and rights. Scarce: 60 calls a minute for an endpoint."""
        return await self._call(endpoint, request, as_user=True, tries=tries, failures=None)

    async def spare(self, endpoint: Endpoint, request: Request) -> Json | None:
        """Call once, server-side, if the budget has room for calls that may be left out; else return None."""
        if not self._budget.bucket(endpoint, as_user=False).try_take():
            return None
        return await self._once(endpoint, request, as_user=False)

    async def _call(
        self,
        endpoint: Endpoint,
        request: Request,
        *,
        as_user: bool,
        tries: int,
        failures: list[ChatServiceError] | None,
    ) -> Json:
        token_renewed = False
        failed = 0
        while True:
            await self._budget.bucket(endpoint, as_user=as_user).take()
            try:
                return await self._once(endpoint, request, as_user=as_user)
            except ChatServiceError as error:
                if as_user and error.code in TOKEN_CODES:
                    self.credentials.renew()
                    if not token_renewed:
                        token_renewed = True
                        continue
                failed += 1
                if not error.retryable or failed >= tries:
                    raise
                if failures is not None:
                    failures.append(error)
                await self._pause(endpoint, error, failed)

    async def _pause(self, endpoint: Endpoint, error: ChatServiceError, failed: int) -> None:
        """Full jitter, so that many callers do not come back as one. A limit's end is waited for by its bucket."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failed - 1))
        seconds = self._timing.uniform(0, longest)
        log.info("stream.retry", endpoint=endpoint.title, failed=failed, code=error.code, status=error.status)
        await self._timing.sleep(seconds)

    async def _once(self, endpoint: Endpoint, request: Request, *, as_user: bool) -> Json:
        from stream_chat.base.exceptions import StreamAPIException  # noqa: TID251 - this module adapts the SDK

        answer = _Answer()
        noted = _answer.set(answer)
        bucket = self._budget.bucket(endpoint, as_user=as_user)
        try:
            reply = await request(await self._sdk(as_user=as_user))
        except StreamAPIException as error:
            raise self._refusal(error.status_code, error.response_text, answer, bucket) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.base_url, error) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The SDK trips over an answer that is no JSON object; whatever else these mean is no answer's fault.
            if not answer.status:
                raise
            raise garbled(self.base_url, answer.status) from error
        finally:
            _answer.reset(noted)
        self._observe(answer, bucket)
        return reply

    async def _sdk(self, *, as_user: bool) -> StreamChatAsync:
        if as_user not in self._sdks:
            self._sdks[as_user] = await self._make_sdk()
        sdk = self._sdks[as_user]
        if as_user:
            sdk.auth_token = self.credentials.user_token()
        return sdk

    async def _make_sdk(self) -> StreamChatAsync:
        from stream_chat.async_chat import StreamChatAsync  # noqa: TID251 - this module adapts the SDK

        with short_secrets():
            sdk = StreamChatAsync(
                self.credentials.key, self.credentials.secret.get_secret_value(), base_url=self.base_url
            )
        superfluous = sdk.session
        sdk.set_http_session(self.session)
        await superfluous.close()
        # Set here because the environment may have set another, as a number.
        sdk.timeout = TIMEOUT  # type: ignore[assignment]  # declared a float; aiohttp, which gets it, wants this
        return sdk

    def _refusal(self, status: int, text: str, answer: _Answer, bucket: Bucket) -> ChatServiceError:
        code, message = read_refusal(text)
        error = refused(self.base_url, status, code, message)
        if error.code == RATE_LIMITED:
            bucket.close(self._limit_ends_in(answer))
        return error

    def _limit_ends_in(self, answer: _Answer) -> float:
        """Seconds until the service takes calls again, by its own clock where it tells the time."""
        seconds = answer.number("Retry-After")
        reset = answer.number("X-RateLimit-Reset")
        if seconds is None and reset is not None:
            seconds = reset - (answer.time or self._timing.now()).timestamp()
        return min(max(seconds if seconds is not None else 1.0, 0.0), LONGEST_LIMIT)

    def _observe(self, answer: _Answer, bucket: Bucket) -> None:
        if answer.time:
            self.credentials.learn(answer.time)
        limit, remaining = answer.number("X-RateLimit-Limit"), answer.number("X-RateLimit-Remaining")
        if limit is not None and remaining is not None and answer.number("X-RateLimit-Reset") is not None:
            bucket.observe(int(limit), int(remaining), self._limit_ends_in(answer))
        else:
            # Stream counts in every answer. Who does not count does not limit.
            bucket.open()


def read_refusal(text: str) -> tuple[int | None, str]:
    """Stream's code and message from an error's body; no code where the body is not Stream's."""
    try:
        body = json.loads(text)
    except ValueError:
        return None, ""
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        return None, ""
    return body["code"], str(body.get("message", ""))
