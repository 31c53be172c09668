"""Serve the webhook inside the caller's event loop."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from framework.errors import SettingsError
from framework.net.http_server import serving
from framework.net.listener import listen, url_of
from framework.settings import Settings
from framework.stream.sources.bodies import BODY_SECONDS
from framework.stream.sources.connections import BoundedProtocol
from framework.stream.sources.delivery import ACCEPT_SECONDS, Facts, Inbox, no_facts
from framework.stream.sources.webhook import Webhook, webhook_app
from framework.stream.timing import Timing

VARIABLE = "FRAMEWORK_WEBHOOK"
GRACE_SECONDS = int(BODY_SECONDS + ACCEPT_SECONDS) + 1  # requests in progress end on their own

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def webhook_server(
    settings: Settings,
    *,
    inbox: Inbox,
    ready: Callable[[], bool],
    facts: Facts = no_facts,
    timing: Timing | None = None,
    bound: socket.socket | None = None,
) -> AsyncIterator[str | None]:
    """Serve webhooks while the block runs, and yield the address: `http://127.0.0.1:8080`.

    If `settings.webhook` is not set, serve nothing and yield None. At the end no more connections are accepted, and
    requests in progress are finished. `bound`: a socket to listen at in the place of that address. Raises SettingsError
    if the address cannot be used or the app has no secret.
    """
    if settings.webhook is None:
        yield None
        return
    if settings.stream_api_secret is None:
        raise SettingsError(
            "Webhooks cannot be verified without the app's secret.",
            where=VARIABLE,
            hint="Set STREAM_API_KEY and STREAM_API_SECRET, or unset FRAMEWORK_WEBHOOK.",
        )
    webhook = Webhook(
        inbox,
        secret=settings.stream_api_secret,
        key=settings.stream_api_key,
        window=timedelta(minutes=settings.webhook_window),
        timing=timing,
    )
    app = webhook_app(webhook, path=settings.webhook_path, ready=ready, facts=facts)
    bound = bound or listen(settings.webhook, what="Webhooks cannot be taken in", variable=VARIABLE)
    with contextlib.closing(bound):
        address = url_of(bound)
        async with serving(app, bound, name="webhook server", grace=GRACE_SECONDS, http=BoundedProtocol):
            _log.info("webhook.listening", address=address, path=settings.webhook_path)
            yield address
