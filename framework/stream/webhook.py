"""Webhooks: events of the whole app, signed by the service, and taken over before they are acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework.errors import FrameworkError
from framework.stream.delivery import Facts, Inbox, UnreadableError, accepted, no_facts, parse, unpack
from framework.stream.events import read_event
from framework.stream.model import Event
from framework.stream.timing import Timing
from framework.stream.wire import read_time

MOST_BYTES = 2 * 1024 * 1024
MOST_AT_ONCE = 200
BODY_SECONDS = 5.0
FACTS_SECONDS = 2.0
REMEMBERED = 10_000
LONGEST_ID = 200

log = structlog.get_logger()


class _RefusedError(FrameworkError):
    """A request that is answered with `status` and the reason."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


class Webhook:
    """The endpoint that the service posts events to.

    It answers 200 once `inbox` took the event over, or where the event means nothing to a bot; 503 where the inbox
    could not, which makes the service try again; and 4xx to whatever is not signed with the app's secret, is no event,
    or is older than `window`: a recording that someone plays back. Neither order nor number of deliveries is relied
    upon: what was taken over under an `X-Webhook-Id` is not handed on again while that is remembered.
    """

    def __init__(
        self, inbox: Inbox, *, secret: SecretStr, key: str | None, window: timedelta, timing: Timing | None = None
    ) -> None:
        self._inbox = inbox
        self._secret = secret
        self._key = key
        self._window = window
        self._timing = timing or Timing()
        self._busy = 0
        self._taken: dict[str, None] = {}
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def receive(self, request: Request) -> Response:
        """Answer a delivery."""
        if self._busy >= MOST_AT_ONCE:
            log.warning("webhook.busy", at_once=self._busy)
            return _no(503, "Too many deliveries at once.")
        self._busy += 1
        try:
            return await self._take(request)
        except _RefusedError as error:
            log.warning("webhook.refused", status=error.status, why=error.what)
            return _no(error.status, error.what)
        finally:
            self._busy -= 1

    async def _take(self, request: Request) -> Response:
        raw = self._verified(request.headers, await _body(request))
        self._check_age(raw)
        event = read_event(raw)
        if event is None:
            return JSONResponse({"status": "ignored"})
        id_ = request.headers.get("x-webhook-id", "")
        id_ = id_ if len(id_) <= LONGEST_ID else ""
        about = {"type": raw.get("type"), "id": id_, "attempt": request.headers.get("x-webhook-attempt", "")[:8]}
        if await accepted(self._hand_on(event, id_), "webhook", **about):
            return JSONResponse({"status": "accepted"})
        return _no(503, "The event could not be accepted. Try again.")

    def _verified(self, headers: Mapping[str, str], packed: bytes) -> Mapping[str, Any]:
        """The event that a body holds. Raises _RefusedError unless the service sent it."""
        try:
            body = unpack(packed)
            signature = hmac.new(self._secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
            if not _same(signature, headers.get("x-signature", "")):
                raise _RefusedError(401, "The signature is missing or wrong.")
            key = headers.get("x-api-key")
            if self._key and key and not _same(self._key, key):
                raise _RefusedError(401, "The API key is another app's.")
            return parse(body)
        except UnreadableError as error:
            raise _RefusedError(413 if error.too_large else 400, error.what) from None

    def _check_age(self, raw: Mapping[str, Any]) -> None:
        created_at = read_time(raw.get("created_at"))
        if created_at is not None and (age := self._timing.now() - created_at) > self._window:
            minutes = self._window.total_seconds() / 60
            log.warning("webhook.stale", type=raw.get("type"), age=round(age.total_seconds()))
            raise _RefusedError(400, f"The event is more than {minutes:g} minutes old.")

    async def _hand_on(self, event: Event, id_: str) -> None:
        """To the inbox, once for an id: of two deliveries at a time, the second waits for what comes of the first."""
        if not id_:
            return await self._inbox(event)
        lock = self._one_at_a_time.setdefault(id_, asyncio.Lock())
        async with lock:
            if id_ in self._taken:
                return None
            await self._inbox(event)
            self._taken[id_] = None
            if len(self._taken) > REMEMBERED:
                del self._taken[next(iter(self._taken))]
            return None


def webhook_app(webhook: Webhook, *, path: str, ready: Callable[[], bool], facts: Facts = no_facts) -> Starlette:
    """The endpoint at `path`, `/healthz` (the process lives) and `/readyz`: 200 while `ready` says so and the `facts`
    can be told, else 503; with the facts as JSON, beside a `status`.
    """

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def tell(_request: Request) -> Response:
        try:
            async with asyncio.timeout(FACTS_SECONDS):
                found = await facts()
        except (TimeoutError, FrameworkError) as error:
            why = error.what if isinstance(error, FrameworkError) else "The database does not answer."
            return JSONResponse({"status": "not ready", "why": why}, 503)
        is_ready = ready()
        return JSONResponse({"status": "ready" if is_ready else "not ready", **found}, 200 if is_ready else 503)

    return Starlette(
        routes=[
            Route(path, webhook.receive, methods=["POST"]),
            Route("/healthz", alive),
            Route("/readyz", tell),
        ]
    )


async def _body(request: Request) -> bytes:
    """The body as sent. Raises _RefusedError where it is too large, or does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise _RefusedError(413, f"The body has more than {MOST_BYTES} bytes.")
    except TimeoutError:
        raise _RefusedError(408, f"The body did not come within {BODY_SECONDS:.0f} s.") from None
    except ClientDisconnect:
        raise _RefusedError(400, "The body ended too early.") from None
    return bytes(body)


def _same(known: str, given: str) -> bool:
    """Compared in a time that does not tell how much of it is right."""
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "replace"))


def _no(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)
