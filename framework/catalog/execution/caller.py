"""Calls the service as often as is safe: within the rate budget, with a fresh token for each try."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

import structlog

from framework.catalog.execution.transport import (
    NotSentError,
    RefusedAnswerError,
    Response,
)
from framework.errors import ChatServiceError
from framework.net.headers import header_number, limit_ends_in, service_time
from framework.net.limits import UNCOUNTED, Bucket
from framework.stream.budget import Endpoint
from framework.stream.failure import RATE_LIMITED, TOKEN_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.catalog.execution.broker import CredentialBroker
    from framework.catalog.execution.request import HttpRequest
    from framework.catalog.execution.transport import Transport
    from framework.catalog.operation import Operation
    from framework.stream.client import StreamApp
    from framework.stream.timing import Timing

TRIES = 4
# The longest wait (seconds) for the rate budget: an agent is better told than kept waiting.
PATIENCE = 20.0
FIRST_PAUSE = 0.25
# No try begins later than this (seconds): with the 15 s that one may take, all of them end within 50 s.
LAST_TRY = 33.0
MOST_BUCKETS = 2_000
# Writes that come to the same when they are made twice: by their nature, or because they only set values.
REPEATABLE = frozenset(
    {
        "GetOrCreateChannel",
        "MarkRead",
        "MarkChannelsRead",
        "MarkDelivered",
        "UpdateUsers",
        "UpdateUsersPartial",
        "UpdateChannelPartial",
        "UpdateMemberPartial",
        "UpdateMessage",
        "UpdateMessagePartial",
        "UpdateThreadPartial",
    }
)

_SHARED = {endpoint.title: endpoint for endpoint in Endpoint}

_log = structlog.get_logger(__name__)


class ServiceCaller:
    """Makes calls for all principals of a process."""

    def __init__(self, transport: Transport, broker: CredentialBroker, timing: Timing, app: StreamApp) -> None:
        self._transport = transport
        self._broker = broker
        self._timing = timing
        self._app = app
        self._buckets: OrderedDict[tuple[str, str | None], Bucket] = OrderedDict()

    async def call(self, operation: Operation, request: HttpRequest, user_id: str | None, *, own_id: bool) -> Response:
        """Make a call as a user, or as the app where `user_id` is None.

        A read is repeated when it fails; a write only where the service did nothing, where its kind is repeatable, or
        where `own_id` says that it creates something under an id that we chose. Raises ChatServiceError.
        """
        repeatable = own_id or operation.effect == "reads" or operation.id in REPEATABLE
        bucket = self._bucket(operation, user_id)
        failed, started = 0, self._timing.monotonic()
        while True:
            await self._wait_for(bucket, operation)
            try:
                response = await self._transport.send(request, self._broker.mint(user_id))
            except RefusedAnswerError as refusal:
                error, nothing_done = self._learn(refusal, bucket)
            except NotSentError as unsent:
                error, nothing_done = unsent, True
            except ChatServiceError as unknown:
                error, nothing_done = unknown, False
            else:
                self._observe(response.headers, bucket)
                return response
            failed += 1
            late = self._timing.monotonic() - started > LAST_TRY
            if not error.retryable or failed >= TRIES or late or not (repeatable or nothing_done):
                raise error
            _log.info("operation.retry", operation=operation.id, failed=failed, code=error.code, status=error.status)
            await self._timing.sleep(self._timing.uniform(0, FIRST_PAUSE * 2 ** (failed - 1)))

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    def _learn(self, refusal: RefusedAnswerError, bucket: Bucket) -> tuple[ChatServiceError, bool]:
        """The error, and whether it says that nothing was done."""
        error = refusal.error
        time = service_time(refusal.headers)
        if time is not None:
            self._broker.learn(time)
        if error.code == RATE_LIMITED:
            bucket.close(limit_ends_in(refusal.headers, self._timing.now()))
        return error, error.code == RATE_LIMITED or error.code in TOKEN_CODES

    def _observe(self, headers: Mapping[str, str], bucket: Bucket) -> None:
        """The service's own count is not spread over the minute: an agent makes a few calls and then none."""
        if header_number(headers, "x-ratelimit-remaining") == 0:
            bucket.close(limit_ends_in(headers, self._timing.now()))

    async def _wait_for(self, bucket: Bucket, operation: Operation) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await bucket.take()
        except TimeoutError:
            raise ChatServiceError(
                f"{operation.id} was not sent: the limit of calls is used up.",
                code=RATE_LIMITED,
                status=429,
                retryable=True,
                hint="Try again in a minute.",
            ) from None

    def _bucket(self, operation: Operation, user_id: str | None) -> Bucket:
        """Of what the bots of the process call as well, with the app's token: the bucket that they take from."""
        if user_id is None and operation.id in _SHARED:
            return self._app.budget.bucket(_SHARED[operation.id], as_user=False)
        key = (operation.id, user_id)
        if key not in self._buckets:
            known = operation.calls_a_minute if user_id is None else None
            self._buckets[key] = Bucket(known or UNCOUNTED, self._timing)
        self._buckets.move_to_end(key)
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return self._buckets[key]
