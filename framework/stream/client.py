"""Call the service through the official SDK: within its limits, with retries, and with errors that say what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import aiohttp
import structlog

from framework.errors import ChatServiceError
from framework.insight import meters, traces
from framework.net.breaker import Breaker, Ticket
from framework.net.headers import header_number, limit_ends_in, service_time
from framework.net.limits import Bucket, Rank
from framework.stream.budget import CallBudget, Endpoint
from framework.stream.credentials import Credentials, short_secrets
from framework.stream.failure import TOKEN_CODES, garbled, is_limit, is_outage, left_alone, refused, unreachable
from framework.stream.timing import Timing
from framework.values import JsonObject

if TYPE_CHECKING:
    from stream_chat.async_chat import StreamChatAsync

    from framework.stream.sdk import HttpAnswer

Request = Callable[["StreamChatAsync"], Awaitable[JsonObject]]
Check = Callable[[], Awaitable[None]]

TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)


@dataclass(frozen=True)
class CallPatience:
    """How often and how long a call is tried.

    `tries` counts failed tries; a refusal because of a limit is not one. `seconds` bounds the whole call, with all
    waiting for limits and for a service that is down.
    """

    tries: int
    seconds: float


# For writes that must happen, for ordinary calls, and for calls that are useless a moment later.
PATIENT, ORDINARY, BRIEF = CallPatience(8, 300.0), CallPatience(5, 120.0), CallPatience(1, 5.0)
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0

_log = structlog.get_logger(__name__)


async def _unchecked() -> None:
    """Check nothing."""


@dataclass(frozen=True)
class _Call:
    endpoint: Endpoint
    request: Request
    as_user: bool
    patience: CallPatience
    check: Check = _unchecked
    failures: list[ChatServiceError] | None = None


@dataclass(frozen=True, eq=False)
class StreamApp:
    """What all bots of one Stream app share in a process: its limits, and whether it is down."""

    budget: CallBudget
    breaker: Breaker

    @classmethod
    def at(cls, base_url: str, timing: Timing) -> Self:
        """Make limits and a breaker that nobody else shares."""
        return cls(CallBudget(timing), Breaker(base_url, timing))


class StreamClient:
    """Calls the service, as the app (server-side) or as the bot user. Every method raises ChatServiceError only.

    Every call ends: see `CallPatience`. While the service is down, calls wait until one call has found it up again.
    Calls that are useless a moment later (`BRIEF`) fail at once instead.
    """

    def __init__(self, credentials: Credentials, base_url: str, timing: Timing, app: StreamApp | None = None) -> None:
        self.credentials = credentials
        self.base_url = base_url
        self.app = app or StreamApp.at(base_url, timing)
        self._timing = timing
        self._session: aiohttp.ClientSession | None = None
        self._sdks: dict[bool, StreamChatAsync] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one HTTP session, for the SDK and the event connection."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                base_url=self.base_url,
                connector=aiohttp.TCPConnector(keepalive_timeout=59.0, limit=0),
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
        patience: CallPatience = ORDINARY,
        failures: list[ChatServiceError] | None = None,
        check: Check = _unchecked,
    ) -> JsonObject:
        """Call with the app's own rights. The errors of tries that failed are added to `failures`.

        `check` is awaited and `request` is called right before each try, after all waiting. What `check` raises ends
        the call.
        """
        return await self._call(_Call(endpoint, request, False, patience, check, failures))

    async def as_user(self, endpoint: Endpoint, request: Request, *, patience: CallPatience = ORDINARY) -> JsonObject:
        """Call with the bot's own token and rights. The service allows 60 such calls a minute for each endpoint."""
        return await self._call(_Call(endpoint, request, True, patience))

    async def reserve(self, endpoint: Endpoint, rank: Rank) -> None:
        """Wait until the service is up and its limit has room for a call that may be left out. Then call `spare`."""
        bucket = self.app.budget.bucket(endpoint, as_user=False)
        while True:
            await self.app.breaker.closed()
            await bucket.take(rank)
            if self.app.breaker.state == "closed":
                return
            bucket.put_back()

    async def spare(self, endpoint: Endpoint, request: Request, *, reserved: bool = False) -> JsonObject | None:
        """Call once, server-side. Return None, without a call, while the service is down or its limit has no room.

        A `reserved` call has its room already.
        """
        if not reserved and not self.app.budget.bucket(endpoint, as_user=False).try_take():
            return None
        ticket = self.app.breaker.claim()
        if ticket is None:
            return None
        return await self._once(_Call(endpoint, request, False, BRIEF), ticket)

    async def _call(self, call: _Call) -> JsonObject:
        token_renewed = False
        failed = 0
        deadline = self._timing.monotonic() + call.patience.seconds
        last: ChatServiceError | None = None
        while True:
            ticket = await self._admit(call, deadline, last)
            try:
                return await self._once(call, ticket)
            except ChatServiceError as error:
                last = error
                if call.as_user and error.code in TOKEN_CODES:
                    self.credentials.renew()
                    if not token_renewed:
                        token_renewed = True
                        continue
                # A refusal because of a limit is not a failure: the bucket says when to try again.
                limited = is_limit(error) and call.patience.tries > 1
                failed += not limited
                if not error.retryable or failed >= call.patience.tries:
                    raise
                if call.failures is not None:
                    call.failures.append(error)
                await self._pause(call.endpoint, error, 0 if limited else failed)

    async def _admit(self, call: _Call, deadline: float, last: ChatServiceError | None) -> Ticket:
        """Wait until the service is up and its limit has room. Raises ChatServiceError at the deadline."""
        breaker, bucket = self.app.breaker, self._bucket(call)
        if breaker.state == "closed" and bucket.try_take(Rank.MUST) and (ticket := breaker.claim()) is not None:
            return ticket  # as nearly always: without a timer
        try:
            async with asyncio.timeout(max(0.0, deadline - self._timing.monotonic())):
                while True:
                    if call.patience is not BRIEF:
                        await breaker.passable()
                    await bucket.take()
                    if (ticket := breaker.claim()) is not None:
                        return ticket
                    bucket.put_back()
                    if call.patience is BRIEF:
                        raise left_alone(self.base_url, breaker.seconds)
        except TimeoutError:
            raise last or left_alone(self.base_url, breaker.seconds) from None

    async def _pause(self, endpoint: Endpoint, error: ChatServiceError, failed: int) -> None:
        """Wait with full jitter, so that many callers do not come back at once. For a limit the bucket waits."""
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failed - 1)) if failed else 0.0
        _log.info("stream.retry", endpoint=endpoint.title, failed=failed, code=error.code, status=error.status)
        await self._timing.sleep(self._timing.uniform(0, longest) if failed else 0.0)

    async def _once(self, call: _Call, ticket: Ticket) -> JsonObject:
        """Try once, and tell the breaker what came of it."""
        up: bool | None = None
        try:
            await call.check()
            reply = await self._ask(call)
            up = True
            return reply
        except ChatServiceError as error:
            up = not is_outage(error)
            raise
        finally:
            self.app.breaker.report(ticket, up=up)

    async def _ask(self, call: _Call) -> JsonObject:
        from stream_chat.base.exceptions import StreamAPIException

        from framework.stream.sdk import HttpAnswer, http_answer

        answer = HttpAnswer()
        started = self._timing.monotonic()
        noted = http_answer.set(answer)
        bucket = self._bucket(call)
        try:
            sdk = await self._sdk(as_user=call.as_user)
            with traces.service_call(call.endpoint.title):
                async with asyncio.timeout(TIMEOUT.total):
                    reply = await call.request(sdk)
        except StreamAPIException as error:
            raise self._refusal(error.status_code, error.response_text, answer, bucket) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise unreachable(self.base_url, error) from error
        except (ValueError, TypeError, AttributeError) as error:
            # The SDK raises these for an answer that is not a JSON object. Without an answer they are defects.
            if not answer.status:
                raise
            raise garbled(self.base_url, answer.status) from error
        finally:
            http_answer.reset(noted)
            meters.service_called(call.endpoint.title, answer.status, self._timing.monotonic() - started)
        self._observe(answer, bucket)
        return reply

    def _bucket(self, call: _Call) -> Bucket:
        return self.app.budget.bucket(call.endpoint, as_user=call.as_user)

    async def _sdk(self, *, as_user: bool) -> StreamChatAsync:
        if as_user not in self._sdks:
            self._sdks[as_user] = await self._make_sdk()
        sdk = self._sdks[as_user]
        if as_user:
            sdk.auth_token = self.credentials.user_token()
        return sdk

    async def _make_sdk(self) -> StreamChatAsync:
        from framework.stream.sdk import StreamSdk

        with short_secrets():
            sdk = StreamSdk(self.credentials.key, self.credentials.secret.get_secret_value(), base_url=self.base_url)
        superfluous = sdk.session
        sdk.set_http_session(self.session)
        await superfluous.close()
        # The environment may have set another one, as a number.
        sdk.timeout = TIMEOUT  # type: ignore[assignment]  # declared a float; aiohttp, which gets it, wants this
        return sdk

    def _refusal(self, status: int, text: str, answer: HttpAnswer, bucket: Bucket) -> ChatServiceError:
        code, message = read_refusal(text)
        error = refused(self.base_url, status, code, message)
        if is_limit(error):
            bucket.close(limit_ends_in(answer.headers, self._timing.now()))
        else:
            self._count(answer, bucket)
        return error

    def _observe(self, answer: HttpAnswer, bucket: Bucket) -> None:
        if (time := service_time(answer.headers)) is not None:
            self.credentials.learn(time)
        if not self._count(answer, bucket):
            # Stream counts in every answer. A service that does not count has no limit.
            bucket.open()

    def _count(self, answer: HttpAnswer, bucket: Bucket) -> bool:
        """Take over the service's count. Return False if the answer has none."""
        headers = answer.headers
        limit, remaining = header_number(headers, "x-ratelimit-limit"), header_number(headers, "x-ratelimit-remaining")
        if limit is None or remaining is None or header_number(headers, "x-ratelimit-reset") is None:
            return False
        bucket.observe(int(limit), int(remaining), limit_ends_in(answer.headers, self._timing.now()))
        return True


def read_refusal(text: str) -> tuple[int | None, str]:
    """Return Stream's code and message out of an error's body; no code if the body is not Stream's."""
    try:
        body = json.loads(text)
    except ValueError:
        return None, ""
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        return None, ""
    return body["code"], str(body.get("message", ""))
