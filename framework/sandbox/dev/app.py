"""The sandbox as an ASGI app."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.websockets import WebSocket

from framework.sandbox.chat import history
from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.feature import FEATURES, Features
from framework.sandbox.chat.messages.record import MESSAGES, TIMELINES
from framework.sandbox.chat.users.connecting import serve_connection
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.dev import articles, bots, notes, routes
from framework.sandbox.dev import coverage as known_operations
from framework.sandbox.dev.rehearsal import CopiedFiles, Rehearsals, SilentSender, rehearsal_routes
from framework.sandbox.features import catalog
from framework.sandbox.features.push.log import PUSH_LOG, PushLog
from framework.sandbox.kernel import due
from framework.sandbox.kernel.call_log import CallLog
from framework.sandbox.kernel.clock import Clock, IdGenerator, IncreasingClock, RandomIds, SystemClock
from framework.sandbox.kernel.config import MEMORY
from framework.sandbox.kernel.faults import Faults
from framework.sandbox.kernel.http.auth import Authenticator
from framework.sandbox.kernel.http.dispatch import Dispatcher
from framework.sandbox.kernel.http.limits import RateLimits
from framework.sandbox.kernel.http.router import Router
from framework.sandbox.kernel.realtime.hub import Hub
from framework.sandbox.kernel.sandbox import Sandbox
from framework.sandbox.kernel.scheduler import Scheduler
from framework.sandbox.kernel.store.files import FileStore, file_store
from framework.sandbox.kernel.store.store import NoJournal, RecordStore, StoreJournal
from framework.sandbox.kernel.webhooks.sender import WebhookSender

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from framework.sandbox.kernel.config import SandboxConfig


def create_sandbox(config: SandboxConfig, *, clock: Clock | None = None, ids: IdGenerator | None = None) -> Sandbox:
    """Return the parts, wired. Opens the data file; raises SandboxStartError when it cannot be used."""
    ticking = IncreasingClock(clock or SystemClock())
    store = RecordStore(_journal(config))
    sender = WebhookSender(config, store, ids or RandomIds(), Faults())
    sandbox = _wired(config, store, ticking, sender, file_store(config.data_file))
    sandbox.publishers += [sandbox.hub.publish, sandbox.webhooks.publish]
    return sandbox


def copied_sandbox(sandbox: Sandbox, store: RecordStore) -> Sandbox:
    """The same app on a copy of its store. Nothing that happens there is heard outside."""
    config = replace(sandbox.config, data=MEMORY, rate_limits=False)
    sender = SilentSender(config, store, sandbox.ids, Faults())
    return _wired(config, store, sandbox.clock, sender, CopiedFiles(sandbox.files))


def _wired(
    config: SandboxConfig, store: RecordStore, clock: IncreasingClock, sender: WebhookSender, files: FileStore
) -> Sandbox:
    sandbox = Sandbox(
        config=config,
        clock=clock,
        ids=sender.ids,
        store=store,
        auth=Authenticator(config, clock, store, store[USERS].get),
        hub=Hub(),
        faults=sender.faults,
        log=CallLog(),
        limits=RateLimits(clock, config.rate_limits),
        webhooks=sender,
        files=files,
        scheduler=Scheduler(store, clock),
        keep=lambda event: history.keep(sandbox, event),
    )
    features = sandbox.parts[FEATURES] = Features(catalog.ALL)
    sandbox.parts[PUSH_LOG] = PushLog()
    _resume(sandbox, features)
    return sandbox


class ServedApp:
    """The ASGI app: operations go straight to the dispatcher, past routes that would each try their pattern."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        pages = (bots.DOMAIN, articles.DOMAIN, notes.DOMAIN)
        router = Router([*(one for page in pages for one in page.operations), *known_operations.operations()])
        self._dispatcher = Dispatcher(sandbox, router)
        self._rehearsals = Rehearsals(sandbox, copied_sandbox, lambda copy: Dispatcher(copy, router))
        own = [*routes.routes(sandbox), *rehearsal_routes(self._rehearsals, routes.answering)]
        self._extras = Starlette(routes=[*own, Mount("/", self._dispatcher)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        match = self._dispatcher.find(scope) if scope["type"] == "http" else None
        if match is not None:
            await self._dispatcher.answer(match, scope, receive, send)
        elif scope["type"] != "http" or not await self._rehearsals.serve(scope, receive, send):
            await self._extras(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if scope["path"] == "/connect":
            await serve_connection(self._sandbox, socket)
        else:
            await socket.close()


def create_app(config: SandboxConfig, sandbox: Sandbox | None = None) -> ServedApp:
    """Return the app, over a sandbox made from `config` unless one is given."""
    return ServedApp(sandbox or create_sandbox(config))


def _journal(config: SandboxConfig) -> StoreJournal:
    if config.data_file is None:
        return NoJournal()
    from framework.sandbox.kernel.store.sqlite import SqliteJournal

    return SqliteJournal(config.data_file)


def _resume(sandbox: Sandbox, features: Features) -> None:
    """Read back what every call needs, and keep the clock ahead of it."""
    sandbox.store.index(TIMELINES)
    for message in sandbox.store[MESSAGES]:
        sandbox.clock.catch_up(max(message.created_at, message.updated_at))
    for record in [*sandbox.store[USERS], *sandbox.store[CHANNELS]]:
        sandbox.clock.catch_up(record.updated_at)
    sandbox.scheduler.watch(lambda: due.perform(sandbox, features.due))
