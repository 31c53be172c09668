"""The address for operators: whether the process lives, whether it is ready and why not, and its counts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from framework.aio import cancel, in_daemon_thread
from framework.extras import MissingExtraError, extra, require
from framework.insight.meters import count_with
from framework.net.listener import TakenError, listen, url_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from framework.console.parts import ConsoleParts
    from framework.insight.metrics import Metrics
    from framework.settings import Settings
    from framework.stream.sources.delivery import Facts, Inbox

    MakeParts = Callable[[], ConsoleParts]

VARIABLE = "FRAMEWORK_ADMIN"
USUAL = "127.0.0.1:8850"
OFF = "off"
GRACE_SECONDS = 1
ADDRESS_FILE = "admin.address"
_PURPOSE = f"The address for operators ({VARIABLE})"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def admin_server(
    settings: Settings,
    *,
    inbox: Inbox,
    ready: Callable[[], bool],
    facts: Facts,
    console: MakeParts | None = None,
) -> AsyncIterator[str | None]:
    """Serve operators while the block runs, and yield the address; None if nothing is served.

    `inbox` is not used: nothing comes in here. `console` makes what `/console` is about; without it there is none. The
    server is imported beside everything else, so that the bots are ready no later for it. Raises SettingsError if the
    address that was asked for cannot be used.
    """
    if settings.admin == OFF or not _can_serve(settings.admin):
        yield None
        return
    bound = _bound(settings.admin)
    with contextlib.closing(bound):
        serving = _Serving(settings, bound, ready, facts, console)
        task = asyncio.create_task(serving.run(), name="admin server")
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


class _Serving:
    """Serves at a socket. What that needs is imported on a thread."""

    def __init__(
        self,
        settings: Settings,
        bound: socket.socket,
        ready: Callable[[], bool],
        facts: Facts,
        console: MakeParts | None,
    ) -> None:
        self._settings = settings
        self._bound = bound
        self._ready = ready
        self._facts = facts
        self._console = console
        self._local = bound.getsockname()[0] in _LOOPBACK

    async def run(self) -> None:
        """Serve until cancelled."""
        app, serving, metrics = await in_daemon_thread(self._imported)
        count_with(metrics)
        address = url_of(self._bound)
        async with serving(app, self._bound, name="admin server", grace=GRACE_SECONDS):
            await in_daemon_thread(partial(write_address, self._settings, address))
            console = "" if self._console is None else self._settings.console_url or f"{address}/console"
            _log.info(
                "admin.listening",
                address=address,
                livez="/livez",
                readyz="/readyz",
                metrics="/metrics",
                console=console,
            )
            await asyncio.Event().wait()

    def _imported(self) -> tuple[Any, Any, Metrics]:
        with extra("admin", _PURPOSE):
            from framework.app.admin_app import admin_app
            from framework.console.console_app import console_routes
            from framework.console.guard import Reach
            from framework.insight.metrics import Metrics
            from framework.net.http_server import serving
        url, metrics = self._settings.console_url or "", Metrics()
        hosts = _LOOPBACK | ({urlsplit(url).hostname or ""} if url else set()) if self._local else frozenset()
        parts = self._console() if self._console is not None else None
        console = console_routes(parts, Reach(url, self._local)) if parts is not None else ()
        return admin_app(metrics, self._ready, self._facts, frozenset(hosts), console), serving, metrics


def write_address(settings: Settings, address: str) -> None:
    """Note where the address for operators is, for commands of this machine."""
    try:
        (settings.data / ADDRESS_FILE).write_text(address, encoding="utf-8")
    except OSError as error:
        _log.warning("admin.address_not_written", error=error.strerror)


def read_address(settings: Settings) -> str:
    """Return where the address for operators is, or would be: of the process that was started last in this folder."""
    try:
        return (settings.data / ADDRESS_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return f"http://{settings.admin or USUAL}"
