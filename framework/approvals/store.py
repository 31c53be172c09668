"""Where approvals are kept: asked for, shown, decided, claimed, finished. Every step is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from framework.approvals import rows
from framework.approvals.approval import Approval, Decision, Kind, NotWaitingError, Request
from framework.approvals.former import end_former_calls
from framework.approvals.record import audited
from framework.audit.log import SCHEMA as AUDIT_SCHEMA
from framework.audit.log import complete
from framework.errors import FrameworkError
from framework.storage import Schema, Storage
from framework.values import Untyped

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, MetaData, Table
    from sqlalchemy.engine import Connection

T = TypeVar("T")


def _tables() -> MetaData:
    from framework.approvals.tables import METADATA

    return METADATA


SCHEMA = Schema("approvals", 1, _tables, with_=(AUDIT_SCHEMA,), first=end_former_calls)


class ApprovalStore:
    """All approvals of a database. Every method raises EngineError if it cannot be used.

    What is decided, and what is executed because of it, is in the audit log by the same transaction.
    """

    def __init__(self, storage: Storage, *, now: Callable[[], datetime]) -> None:
        self.storage = storage
        self.now = now

    async def ask(self, request: Request) -> Approval:
        """Record a request, once. Raises FrameworkError if its content cannot be written down."""
        try:
            row = rows.new_row(request, self.now())
        except ValueError as error:
            raise FrameworkError(f"{request.subject} cannot be shown to a person: {error}") from None
        return await self._write(lambda connection: self._ask(connection, request, row))

    async def get(self, id_: str) -> Approval:
        """An approval by its id, whatever its state. Raises NotWaitingError if there is none."""
        found = await self._read(lambda connection: _one(connection, _table().c.id == id_))
        if found is None:
            raise NotWaitingError("There is no approval with this id.")
        return found

    async def find(self, kind: Kind, scope: str, key: str) -> Approval | None:
        """The approval that was asked for under this key."""
        table = _table()
        same = (table.c.kind == kind) & (table.c.scope == scope) & (table.c.key == key)
        return await self._read(lambda connection: _one(connection, same))

    async def on_card(self, scope: str, channel: str, message_id: str) -> Approval | None:
        """The approval whose card begins with this message of this channel."""
        table = _table()
        here = (table.c.scope == scope) & (table.c.card_channel == channel) & (table.c.card_first == message_id)
        return await self._read(lambda connection: _one(connection, here))

    async def numbered(self, number: str) -> Approval | None:
        """The approval with this number, upper or lower case."""
        return await self._read(lambda connection: _one(connection, _table().c.number == number.strip().upper()))

    async def waiting(self, *, scope: str | None = None, kind: Kind | None = None) -> Sequence[Approval]:
        """What waits for a decision, oldest first; what is overdue is among it until `expire`."""
        table = _table()
        wanted = table.c.state == "waiting"
        if scope is not None:
            wanted &= table.c.scope == scope
        if kind is not None:
            wanted &= table.c.kind == kind
        return await self._read(lambda connection: _all(connection, wanted))

    async def open(self, scope: str) -> Sequence[Approval]:
        """The tool calls and drafts of a bot that wait for a decision, or were approved and are not carried out yet."""
        table = _table()
        states = table.c.state.in_(["waiting", "approved"]) & (table.c.kind != "operation")
        return await self._read(lambda connection: _all(connection, states & (table.c.scope == scope)))

    async def place(self, id_: str, channel: str, parts: int, about: Mapping[str, Any]) -> Approval:
        """Say on how many messages of which channel it will be shown, and what the asking room has to know again.

        Nothing changes if that was said before. Then show it, and call `shown`.
        """
        return await self._write(lambda connection: self._place(connection, id_, channel, parts, about))

    async def shown(self, id_: str, seen: str) -> None:
        """Say that people can see all of it; only then it can be decided on. `seen` is the hash of what they see."""
        await self._write(lambda connection: _shown(connection, id_, seen))

    async def decide(self, id_: str, decision: Decision) -> Approval:
        """Approve or deny. Of all who try, the first one decides. Raises NotWaitingError for the others."""
        return await self._write(lambda connection: self._decide(connection, id_, decision))

    async def expire(self, id_: str) -> Approval | None:
        """End what nobody decided on. None: it was decided on, or its time is not over."""
        return await self._write(lambda connection: self._expire(connection, id_))

    async def withdraw(self, id_: str) -> None:
        """End what waits although it was decided: the record comes from an older copy of the database."""
        await self._write(lambda connection: self._withdraw(connection, id_))

    async def claim(self, id_: str, exact: str) -> bool:
        """Whether the caller may execute an approved call: true once, for the first one over all processes.

        `exact` is the fingerprint of what the caller is about to execute. Raises FrameworkError if it is not what was
        approved.
        """
        return await self._write(lambda connection: self._claim(connection, _table().c.id == id_, exact) is not None)

    async def claim_same(self, kind: Kind, exact: str) -> Approval | None:
        """As `claim`, for whatever approved call has this fingerprint. None: there is none."""
        table = _table()
        same = (table.c.kind == kind) & (table.c.fingerprint == exact) & (table.c.state == "approved")
        same &= table.c.expires_at > rows.moment(self.now())
        return await self._write(lambda connection: self._claim(connection, same, exact))

    async def finish(self, id_: str, result: str) -> None:
        """Record what came of what was approved. What is finished stays as it is."""
        await self._write(lambda connection: _finish(connection, id_, result))

    async def erase(self, user_id: str) -> int:
        """Delete all that was asked for a person. Returns how many there were."""
        return await self._write(lambda connection: _erase(connection, user_id))

    def close(self) -> None:
        """Let go of the database. Safe to call twice; the next use opens it again."""
        self.storage.close()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self.storage.write(SCHEMA, work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await self.storage.read(SCHEMA, work)

    def _ask(self, connection: Connection, request: Request, row: dict[str, Any]) -> Approval:
        from sqlalchemy import delete, insert

        table = _table()
        if request.key:
            same = table.c.key == request.key
        else:
            waits = (table.c.state == "waiting") & (table.c.expires_at > rows.moment(self.now()))
            same = (table.c.fingerprint == row["fingerprint"]) & waits
        known = _one(connection, same & (table.c.kind == request.kind) & (table.c.scope == request.scope))
        if known is not None:
            return known
        over = (table.c.state != "waiting") | (table.c.kind == "operation")
        old = (table.c.asked_at < rows.moment(self.now() - rows.KEPT)) & over
        connection.execute(delete(table).where(old))
        connection.execute(insert(table).values(**row))
        return _must(connection, row["id"])

    def _place(self, connection: Connection, id_: str, channel: str, parts: int, about: Mapping[str, Any]) -> Approval:
        approval = _must(connection, id_)
        if approval.card is None:
            first = approval.card_id(1)
            said = {"card_channel": channel, "card_first": first, "card_parts": parts, "about": rows.as_json(about)}
            _change(connection, _table().c.id == id_, **said)
        return _must(connection, id_)

    def _decide(self, connection: Connection, id_: str, decision: Decision) -> Approval:
        table, now = _table(), rows.moment(self.now())
        values: dict[str, Any] = {
            "state": "approved" if decision.approve else "denied",
            "decided_at": now,
            "decided_by": decision.by,
            "decided_name": decision.name,
            "decided_how": decision.how,
            "decided_key": decision.key,
        }
        if decision.content is not None:
            values |= {"content": rows.as_json(decision.content), "edited": 1}
        open_ = (table.c.id == id_) & (table.c.state == "waiting") & (table.c.decidable == 1)
        if not _change(connection, open_ & (table.c.expires_at > now), **values):
            raise NotWaitingError(
                "Nothing waits for a decision there.", hint="It was decided on, it expired, or it is not shown yet."
            )
        approval = _must(connection, id_)
        audited(connection, approval, self.now(), "approved" if decision.approve else "denied")
        return approval

    def _expire(self, connection: Connection, id_: str) -> Approval | None:
        table, now = _table(), rows.moment(self.now())
        over = (table.c.id == id_) & (table.c.state == "waiting") & (table.c.expires_at <= now)
        if not _change(connection, over, state="expired", decided_at=now):
            return None
        approval = _must(connection, id_)
        audited(connection, approval, self.now(), "expired")
        return approval

    def _withdraw(self, connection: Connection, id_: str) -> None:
        waits = (_table().c.id == id_) & (_table().c.state == "waiting")
        if _change(connection, waits, state="expired", decided_at=rows.moment(self.now())):
            audited(connection, _must(connection, id_), self.now(), "expired")

    def _claim(self, connection: Connection, wanted: ColumnElement[bool], exact: str) -> Approval | None:
        table = _table()
        approval = _one(connection, wanted)
        if approval is None:
            return None
        if approval.fingerprint != exact:
            raise FrameworkError(
                f"{approval.request.subject} was not executed: it is not what was approved.",
                hint=f"Number {approval.number} was approved with other arguments. Ask again.",
            )
        mine = (table.c.id == approval.id) & (table.c.state == "approved")
        # An operation is written down by whoever executes it, with what came of it.
        is_operation = approval.request.kind == "operation"
        if not _change(connection, mine, state="done" if is_operation else "running"):
            return None
        if is_operation:
            return approval
        line = audited(connection, approval, self.now(), "started")
        _change(connection, table.c.id == approval.id, audit=line)
        return approval


def _table() -> Table:
    from framework.approvals.tables import APPROVALS

    return APPROVALS


def _one(connection: Connection, wanted: ColumnElement[bool]) -> Approval | None:
    found = _all(connection, wanted)
    return found[0] if found else None


def _all(connection: Connection, wanted: ColumnElement[bool]) -> Sequence[Approval]:
    from sqlalchemy import select

    table = _table()
    query = select(table).where(wanted).order_by(table.c.asked_at, table.c.id)
    return [rows.approval_of(row) for row in connection.execute(query).mappings()]


def _must(connection: Connection, id_: str) -> Approval:
    found = _one(connection, _table().c.id == id_)
    if found is None:
        raise NotWaitingError("There is no approval with this id.")
    return found


def _change(connection: Connection, wanted: ColumnElement[bool], **values: Untyped) -> bool:
    from sqlalchemy import update

    return connection.execute(update(_table()).where(wanted).values(**values)).rowcount == 1


def _shown(connection: Connection, id_: str, seen: str) -> None:
    table = _table()
    placed = (table.c.id == id_) & table.c.card_first.is_not(None)
    if not _change(connection, placed, card_seen=seen, decidable=1):
        raise NotWaitingError("There is no approval with this id.")


def _finish(connection: Connection, id_: str, result: str) -> None:
    from sqlalchemy import select

    table = _table()
    going = (table.c.id == id_) & table.c.state.in_(["approved", "running"])
    line = connection.execute(select(table.c.audit).where(table.c.id == id_)).scalar_one_or_none()
    if _change(connection, going, state="done", result=result) and line is not None:
        complete(connection, line, "done", result, None)


def _erase(connection: Connection, user_id: str) -> int:
    from sqlalchemy import delete

    return connection.execute(delete(_table()).where(_table().c.asked_by == user_id)).rowcount
