"""The address for operators: whether the process lives, whether it is ready and why not, and its counts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from framework.aio import cancel, in_daemon_thread
from framework.extras import MissingExtraError, extra, require
from framework.insight.meters import count_with
from framework.net.listener import TakenError, listen, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.applications import Starlette

    from framework.insight.metrics import Metrics
    from framework.settings import Settings
    from framework.stream.sources.delivery import Facts, Inbox

    MakeApp = Callable[[Metrics, Callable[[], bool], Facts, frozenset[str]], Starlette]

VARIABLE = "FRAMEWORK_ADMIN"
USUAL = "127.0.0.1:8850"
OFF = "off"
GRACE_SECONDS = 1
_PURPOSE = f"The address for operators ({VARIABLE})"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def admin_server(
    settings: Settings, *, inbox: Inbox, ready: Callable[[], bool], facts: Facts
) -> AsyncIterator[str | None]:
    """Serve operators while the block runs, and yield the address; None if nothing is served.

    `inbox` is not used: nothing comes in here. The server is imported beside everything else, so that the bots are
    ready no later for it. Raises SettingsError if the address that was asked for cannot be used.
    """
    if settings.admin == OFF or not _can_serve(settings.admin):
        yield None
        return
    bound = _bound(settings.admin)
    with contextlib.closing(bound):
        task = asyncio.create_task(_serve(bound, ready, facts), name="admin server")
        try:
            yield url_of(bound)
        finally:
            await cancel(task)
            count_with(None)


def _can_serve(asked: str | None) -> bool:
    """Whether the packages are there. Raises MissingExtraError if they are not and an address was asked for."""
    try:
        require("admin", _PURPOSE)
    except MissingExtraError as error:
        if asked is not None:
            raise
        _log.info("admin.not_served", why=error.what, hint=error.hint)
        return False
    return True


def _bound(asked: str | None) -> socket.socket:
    """The usual port, or a free one: a second process on this machine wants one as well."""
    what = "Operators cannot be served"
    if asked is not None:
        return listen(asked, what=what, variable=VARIABLE)
    try:
        return listen(USUAL, what=what, variable=VARIABLE)
    except TakenError:
        return listen("127.0.0.1:0", what=what, variable=VARIABLE)


async def _serve(bound: socket.socket, ready: Callable[[], bool], facts: Facts) -> None:
    make_app, serving, metrics = await in_daemon_thread(_imported)
    count_with(metrics)
    host = bound.getsockname()[0]
    app = make_app(metrics, ready, facts, _LOOPBACK if host in _LOOPBACK else frozenset())
    async with serving(app, bound, name="admin server", grace=GRACE_SECONDS):
        _log.info("admin.listening", address=url_of(bound), livez="/livez", readyz="/readyz", metrics="/metrics")
        await asyncio.Event().wait()


def _imported() -> tuple[MakeApp, Any, Metrics]:
    with extra("admin", _PURPOSE):
        from framework.app.admin_app import admin_app
        from framework.insight.metrics import Metrics
        from framework.net.http_server import serving
    return admin_app, serving, Metrics()
