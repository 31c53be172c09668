"""Tool calls that wait for a person's word, and the one run of each that was approved."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Column, Connection, Row, String, Table, Text, insert, select, update

from framework.catalog.audit import hidden
from framework.errors import FrameworkError
from framework.tools.context import ToolContext
from framework.tools.database import TABLES, Database

LIFETIME = timedelta(days=7)
"""A call that nobody decided on for so long is no longer offered: what led to it is forgotten."""

SHOWN = 600
"""Characters of a call's arguments that people are shown."""

State = Literal["waiting", "approved", "denied", "running", "done"]

_CALLS = Table(
    "agent_tool_calls",
    TABLES,
    Column("id", String(32), primary_key=True),
    Column("bot", String(255), nullable=False),
    Column("tool", String(255), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("user_id", String(255), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("channel", String(255), nullable=False),
    Column("key", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("asked_at", String(32), nullable=False, index=True),
    Column("decided_by", String(255)),
    Column("result", Text),
)


@dataclass(frozen=True)
class PendingCall:
    """A call as it was made, for whom and where. `args_summary` is for people, without secrets; `result` is what came
    of it, once it ran.
    """

    id: str
    tool: str
    arguments: Mapping[str, Any]
    args_summary: str
    user_id: str
    user_name: str
    roles: tuple[str, ...]
    channel: str
    key: str
    state: State
    asked_at: datetime
    decided_by: str = ""
    result: str | None = None


class ApprovalDesk:
    """Keeps one bot's calls. An approved call runs once: whoever claims it first runs it."""

    def __init__(self, bot: str, database: Database, *, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._database = database
        self._now = now

    async def ask(self, tool: str, arguments: Mapping[str, Any], context: ToolContext) -> PendingCall:
        """Record a call; the same call of the same turn is recorded once. `context.key` is the call's own."""
        name = _id(self._bot, context.key)
        values = {
            "id": name,
            "bot": self._bot,
            "tool": tool,
            "arguments": json.dumps(dict(arguments), ensure_ascii=False, default=str),
            "shown": json.dumps(hidden(dict(arguments)), ensure_ascii=False, default=str)[:SHOWN],
            "user_id": context.user_id,
            "user_name": context.user_name,
            "roles": json.dumps(context.roles),
            "channel": context.channel,
            "key": context.key,
            "state": "waiting",
            "asked_at": self._now().isoformat(timespec="milliseconds"),
        }

        def work(connection: Connection) -> PendingCall:
            known = _find(connection, self._bot, name)
            if known is not None:
                return known
            connection.execute(insert(_CALLS).values(**values))
            return _must(_find(connection, self._bot, name), name)

        try:
            return await self._database.run(work)
        except FrameworkError:
            # Another process asked at the same moment; or the database is gone, which this says again.
            known = await self._database.run(lambda connection: _find(connection, self._bot, name))
            if known is None:
                raise
            return known

    async def pending(self) -> tuple[PendingCall, ...]:
        """The calls that wait for a decision, oldest first."""
        query = (
            select(_CALLS)
            .where(_CALLS.c.bot == self._bot, _CALLS.c.state == "waiting", _CALLS.c.asked_at >= self._oldest())
            .order_by(_CALLS.c.asked_at)
        )
        return await self._database.run(lambda connection: tuple(map(_call, connection.execute(query).all())))

    async def get(self, name: str) -> PendingCall:
        """A call by its id, whatever its state. Raises FrameworkError where there is none."""
        return _must(await self._database.run(lambda connection: _find(connection, self._bot, name)), name)

    async def decide(self, name: str, *, approve: bool, by: str) -> PendingCall:
        """Approve or deny a call. Raises FrameworkError where it does not wait (any more)."""
        young_enough = _CALLS.c.asked_at >= (self._oldest() if approve else "")

        def work(connection: Connection) -> PendingCall | None:
            changed = connection.execute(
                update(_CALLS)
                .where(
                    _CALLS.c.id == name,
                    _CALLS.c.bot == self._bot,
                    _CALLS.c.state == "waiting",
                    young_enough,
                )
                .values(state="approved" if approve else "denied", decided_by=by)
            )
            return _find(connection, self._bot, name) if changed.rowcount == 1 else None

        return _must(await self._database.run(work), name)

    async def claim(self, name: str) -> bool:
        """Whether the caller may run an approved call: true for the first one alone, over all processes."""

        def work(connection: Connection) -> bool:
            claimed = connection.execute(
                update(_CALLS)
                .where(_CALLS.c.id == name, _CALLS.c.bot == self._bot, _CALLS.c.state == "approved")
                .values(state="running")
            )
            return claimed.rowcount == 1

        return await self._database.run(work)

    async def finish(self, name: str, result: str) -> None:
        """Record what came of a claimed call."""

        def work(connection: Connection) -> None:
            connection.execute(
                update(_CALLS).where(_CALLS.c.id == name, _CALLS.c.bot == self._bot).values(state="done", result=result)
            )

        await self._database.run(work)

    def _oldest(self) -> str:
        return (self._now() - LIFETIME).isoformat(timespec="milliseconds")


def _id(bot: str, key: str) -> str:
    """Short enough to be typed. Follows from the call, so that a turn that runs again asks no second time."""
    return hashlib.sha256(f"{bot}\n{key}".encode()).hexdigest()[:8] if key else secrets.token_hex(4)


def _find(connection: Connection, bot: str, name: str) -> PendingCall | None:
    row = connection.execute(select(_CALLS).where(_CALLS.c.id == name, _CALLS.c.bot == bot)).one_or_none()
    return None if row is None else _call(row)


def _must(found: PendingCall | None, name: str) -> PendingCall:
    if found is None:
        raise FrameworkError(
            f"No tool call waits for approval under {name!r}.",
            hint="It was decided on already, or it is older than a week.",
        )
    return found


def _call(row: Row[Any]) -> PendingCall:
    return PendingCall(
        id=row.id,
        tool=row.tool,
        arguments=json.loads(row.arguments),
        args_summary=row.shown,
        user_id=row.user_id,
        user_name=row.user_name,
        roles=tuple(json.loads(row.roles)),
        channel=row.channel,
        key=row.key,
        state=row.state,
        asked_at=datetime.fromisoformat(row.asked_at),
        decided_by=row.decided_by or "",
        result=row.result,
    )
