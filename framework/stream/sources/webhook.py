"""Webhooks: events of the whole app, signed by the service, and stored before they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from framework.errors import FrameworkError
from framework.insight import meters
from framework.stream.events import read_event
from framework.stream.model import Event
from framework.stream.sources.bodies import RefusedError
from framework.stream.sources.delivery import (
    Facts,
    Inbox,
    UnreadableEventError,
    accepted,
    no_facts,
    parse,
)
from framework.stream.sources.signed import SignedRequests
from framework.stream.timing import Timing
from framework.stream.wire import read_time

MOST_AT_ONCE = 200
FACTS_SECONDS = 2.0
REMEMBERED = 20_000  # signatures and ids of deliveries
LONGEST_ID = 200
_READY = b"/readyz"

_log = structlog.get_logger(__name__)


class Webhook:
    """The endpoint that the service posts events to.

    It answers 200 when `inbox` has stored the event, or if bots do not need it. It answers 503 if the inbox failed: the
    service then tries again. It answers 4xx to a request that is not signed with the app's secret, is not an event, or
    is older than `window`: somebody may replay a recording. Deliveries may come in any order and more than once: an
    event is not passed on again while its `X-Webhook-Id` is remembered.

    Anybody can reach it: see `SignedRequests`. Signed requests count apart: strangers take no place from the service.
    """

    def __init__(
        self, inbox: Inbox, *, secret: SecretStr, key: str | None, window: timedelta, timing: Timing | None = None
    ) -> None:
        self._inbox = inbox
        self._signed = SignedRequests(secret, key)
        self._window = window
        self._timing = timing or Timing()
        self._busy = 0
        self._taken: dict[str, None] = {}
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        answer = await self._answer(request)
        meters.webhook_answered(answer.status_code)
        return answer

    async def _answer(self, request: Request) -> Response:
        try:
            body = await self._signed.body(request)
            if self._busy >= MOST_AT_ONCE:
                _log.warning("webhook.busy", at_once=self._busy)
                return _no(503, "Too many deliveries at once.")
            self._busy += 1
            try:
                return await self._take(request.headers, body)
            finally:
                self._busy -= 1
        except RefusedError as error:
            _log.warning("webhook.refused", status=error.status, why=error.what)
            return _no(error.status, error.what)

    def signs(self, request: Request, words: bytes) -> bool:
        """Return whether a request's signature is that of this text, made with the app's secret."""
        return self._signed.signs(request, words)

    async def _take(self, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            raw = parse(body)
        except UnreadableEventError as error:
            raise RefusedError(400, error.what) from None
        event = read_event(raw)
        if event is None:
            return JSONResponse({"status": "ignored"})
        self._check_age(raw)
        id_ = headers.get("x-webhook-id", "")
        id_ = id_ if len(id_) <= LONGEST_ID else ""
        about = {"type": raw.get("type"), "id": id_, "attempt": headers.get("x-webhook-attempt", "")[:8]}
        if await accepted(self._hand_on(event, headers.get("x-signature", ""), id_), "webhook", **about):
            return JSONResponse({"status": "accepted"})
        return _no(503, "The event could not be accepted. Try again.")

    def _check_age(self, raw: Mapping[str, Any]) -> None:
        created_at = read_time(raw.get("created_at"))
        if created_at is None:
            _log.warning("webhook.timeless", type=raw.get("type"))
            raise RefusedError(400, "The event does not say when it happened (`created_at`).")
        if (age := self._timing.now() - created_at) > self._window:
            minutes = self._window.total_seconds() / 60
            _log.warning("webhook.stale", type=raw.get("type"), age=round(age.total_seconds()))
            raise RefusedError(400, f"The event is more than {minutes:g} minutes old.")

    async def _hand_on(self, event: Event, signature: str, id_: str) -> None:
        """Pass an event to the inbox, once for each body and for each id.

        Of two deliveries at the same time, the second waits for the first. The id is not signed: a replayed recording
        can have another one, but not another signature.
        """
        names = {f"body {signature}", *([f"id {id_}"] if id_ else [])}
        async with self._one_at_a_time.setdefault(id_ or signature, asyncio.Lock()):
            if not names.isdisjoint(self._taken):
                return
            await self._inbox(event)
            self._taken |= dict.fromkeys(names)
            while len(self._taken) > REMEMBERED:
                del self._taken[next(iter(self._taken))]


def webhook_app(webhook: Webhook, *, path: str, ready: Callable[[], bool], facts: Facts = no_facts) -> Starlette:
    """Return the routes: the endpoint at `path`, `/healthz` (the process lives) and `/readyz`.

    `/readyz` answers 200 while `ready` returns true and `facts` does not raise, else 503. Strangers get `status` only.
    The facts are for a request whose `X-Signature` is that of the text `/readyz`, made with the app's secret. The log
    says why the process is not ready.
    """

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def tell(request: Request) -> Response:
        why = ""
        found: Mapping[str, Any] = {}
        try:
            async with asyncio.timeout(FACTS_SECONDS):
                found = await facts()
        except (TimeoutError, FrameworkError) as error:
            why = error.what if isinstance(error, FrameworkError) else "The database does not answer."
            _log.warning("webhook.not_ready", why=why)
        is_ready = ready() and not why
        details = {**found, **({"why": why} if why else {})} if webhook.signs(request, _READY) else {}
        return JSONResponse({"status": "ready" if is_ready else "not ready", **details}, 200 if is_ready else 503)

    return Starlette(
        routes=[
            Route(path, webhook.receive, methods=["POST"]),
            Route("/healthz", alive),
            Route(_READY.decode(), tell),
        ]
    )


def _no(status: int, why: str) -> Response:
    """Refuse, and close the connection: the rest of a body would otherwise have to be read."""
    return JSONResponse({"error": why}, status, {"connection": "close"})
