"""Trying calls on a copy of everything: `/sandbox/rehearsals`.

POST makes a copy, and `/sandbox/rehearsals/ID/api/...` is the API on it. GET tells what the calls changed, DELETE ends
it. No event, webhook or push leaves a copy, and hooks are not asked.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from framework.sandbox.kernel.errors import forbidden, not_found
from framework.sandbox.kernel.http.request import read_headers
from framework.sandbox.kernel.store.copy import CopyJournal
from framework.sandbox.kernel.store.files import MemoryFiles
from framework.sandbox.kernel.store.store import RecordStore
from framework.sandbox.kernel.webhooks.sender import WebhookSender

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from framework.sandbox.kernel.http.dispatch import Dispatcher
    from framework.sandbox.kernel.realtime.event import Event
    from framework.sandbox.kernel.sandbox import Sandbox
    from framework.sandbox.kernel.store.files import FileStore
    from framework.sandbox.kernel.webhooks.sender import WebhookAnswer

PREFIX = "/sandbox/rehearsals"
MOST = 8
"""Copies at the same time; the oldest gives way."""
LIFETIME = timedelta(minutes=5)


class SilentSender(WebhookSender):
    """Sends nothing, and hears no answer to a question."""

    def wants(self, kind: str) -> bool:
        """Nothing is wanted."""
        return False

    def publish(self, event: Event) -> None:
        """Keep it to itself."""

    async def ask(self, url: str, body: bytes) -> WebhookAnswer | None:
        """As if the backend did not answer in time."""
        return None


class CopiedFiles(MemoryFiles):
    """Files of the copy, above those of the sandbox, which stay as they are."""

    def __init__(self, beneath: FileStore) -> None:
        super().__init__()
        self._beneath = beneath
        self._removed: set[str] = set()

    def read(self, file_id: str) -> bytes | None:
        """A file's bytes."""
        own = super().read(file_id)
        return own if own is not None or file_id in self._removed else self._beneath.read(file_id)

    def remove(self, file_id: str) -> None:
        """Forget a file in the copy."""
        super().remove(file_id)
        self._removed.add(file_id)


@dataclass(frozen=True, slots=True)
class Copy:
    """One rehearsal: the copied sandbox, what answers for it, and until when it is kept."""

    sandbox: Sandbox
    journal: CopyJournal
    dispatcher: Dispatcher
    until: datetime


@dataclass
class Rehearsals:
    """The copies that are open. `copied` makes a sandbox on another store; `answering` makes its dispatcher."""

    sandbox: Sandbox
    copied: Callable[[Sandbox, RecordStore], Sandbox]
    answering: Callable[[Sandbox], Dispatcher]
    _open: OrderedDict[str, Copy] = field(default_factory=OrderedDict)

    def begin(self) -> str:
        """Copy everything. Returns the name of the copy."""
        self._forget_old()
        journal = CopyJournal(self.sandbox.store)
        copy = self.copied(self.sandbox, RecordStore(journal))
        name = secrets.token_hex(8)
        self._open[name] = Copy(copy, journal, self.answering(copy), self.sandbox.clock.now() + LIFETIME)
        return name

    def of(self, name: str) -> Copy:
        """The copy of a name. Raises ApiError 404."""
        self._forget_old()
        if name not in self._open:
            raise not_found("there is no such rehearsal, or it has ended")
        return self._open[name]

    def end(self, name: str) -> None:
        """Forget a copy."""
        copy = self._open.pop(name, None)
        if copy is not None:
            copy.sandbox.scheduler.stop()

    def _forget_old(self) -> None:
        now = self.sandbox.clock.now()
        over = [name for name, copy in self._open.items() if copy.until <= now]
        for name in [*over, *list(self._open)[: max(0, len(self._open) - len(over) - MOST + 1)]]:
            self.end(name)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a call on a copy. Returns False for any other request."""
        head, _, rest = scope["path"].removeprefix(f"{PREFIX}/").partition("/api/")
        if not scope["path"].startswith(f"{PREFIX}/") or not rest or head not in self._open:
            return False
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        inner = {**scope, "path": f"/{rest}", "raw_path": b"/" + raw.split(b"/api/", 1)[1]}
        await self.of(head).dispatcher(inner, receive, send)
        return True


def rehearsal_routes(rehearsals: Rehearsals, answering: Callable[..., Any]) -> list[BaseRoute]:
    """The routes that make, show and end copies; only for holders of the app's secret."""

    def check(request: Request) -> None:
        given = read_headers(request.scope)
        actor = rehearsals.sandbox.auth.identify(given.get("authorization"), given.get("stream-auth-type"))
        if not actor.is_server:
            raise forbidden("rehearsals are only allowed with a server-side token")

    async def begin(request: Request) -> dict[str, Any]:
        check(request)
        name = rehearsals.begin()
        return {"id": name, "path": f"{PREFIX}/{name}/api", "seconds": LIFETIME.total_seconds()}

    async def one(request: Request) -> dict[str, Any]:
        check(request)
        name = request.path_params["name"]
        copy = rehearsals.of(name)
        if request.method == "DELETE":
            rehearsals.end(name)
            return {}
        return {"difference": copy.journal.difference(copy.sandbox.store)}

    return [
        Route(PREFIX, answering(begin), methods=["POST"]),
        Route(PREFIX + "/{name}", answering(one), methods=["GET", "DELETE"]),
    ]
