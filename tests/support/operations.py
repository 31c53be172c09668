"""A toolbox on a sandbox of the test's own, and a service that only writes down what it is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from framework.audit import AuditLog
from framework.catalog.execution.approvals import OperationApprovals
from framework.catalog.execution.policy import Policy
from framework.catalog.execution.principal import Principal
from framework.catalog.factory import open_records, open_toolbox
from framework.catalog.toolbox import Toolbox
from framework.definition.parts.operations import Operations
from framework.settings import Settings
from framework.stream.timing import Timing
from tests.support.sandbox import API_KEY, API_SECRET

EVERYTHING = {
    "allow": ["reads", "writes", "administers", "destroys"],
    "approve": [],
    "channels": "*",
    "act_as": ["app", "*"],
    "issue_tokens": {"users": "*"},
}


def policy(who: Principal | str = "mcp:test", **rules: Any) -> Policy:
    """A policy that allows everything, but for these rules."""
    principal = Principal(who) if isinstance(who, str) else who
    return Policy(Operations.model_validate(EVERYTHING | rules), principal)


@dataclass
class Desk:
    """A toolbox, the policy that calls are made under, and where everything is kept."""

    toolbox: Toolbox
    data: Path
    policy: Policy = field(default_factory=policy)

    async def execute(self, operation_id: str, arguments: dict[str, Any] | None = None, **options: Any) -> Any:
        """Execute and return the short result."""
        rules = options.pop("policy", self.policy)
        return (await self.toolbox.execute(rules, operation_id, arguments, **options))["result"]

    async def log(self) -> list[dict[str, Any]]:
        """The audit log, oldest first."""
        log, _ = self.records()
        try:
            return log.last(1_000)
        finally:
            await log.close()

    def records(self) -> tuple[AuditLog, OperationApprovals]:
        """The audit log and the approvals, as another process opens them."""
        return open_records(Settings(data=self.data, _env_file=None), now=lambda: datetime.now(UTC))


@asynccontextmanager
async def desk(url: str, data: Path, *, timing: Timing | None = None) -> AsyncIterator[Desk]:
    """A toolbox on the app at this address."""
    settings = Settings(
        stream_api_key=API_KEY, stream_api_secret=API_SECRET, stream_base_url=url, data=data, _env_file=None
    )
    toolbox = open_toolbox(settings, timing=timing)
    try:
        yield Desk(toolbox, data)
    finally:
        await toolbox.close()


@dataclass(frozen=True)
class Received:
    """A request as it arrived. `path` is quoted as it came; `body` None where there was none."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    parts: dict[str, tuple[str | None, bytes]] = field(default_factory=dict)


@asynccontextmanager
async def recorder() -> AsyncIterator[tuple[str, list[Received]]]:
    """A service that answers everything with an empty object: its address, and what it received."""
    received: list[Received] = []

    async def note(request: web.Request) -> web.Response:
        body: Any = None
        parts: dict[str, tuple[str | None, bytes]] = {}
        if request.content_type.startswith("multipart/"):
            async for part in await request.multipart():
                parts[part.name or ""] = (part.filename, bytes(await part.read()))  # type: ignore[union-attr]  # no nesting
        elif request.can_read_body:
            body = json.loads(await request.text())
        path = request.raw_path.partition("?")[0]
        received.append(Received(request.method, path, dict(request.query), dict(request.headers), body, parts))
        return web.json_response({"duration": "1ms"})

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{tail:.*}", note)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}", received
    finally:
        await runner.cleanup()
