"""Decisions in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from framework.approvals.approval import Approval
from framework.audit.entry import Entry, Outcome
from framework.audit.log import write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def audited(connection: Connection, approval: Approval, at: datetime, outcome: Outcome) -> int:
    """Write what was decided or begun, and by whom, into the audit log. Returns the number of the line."""
    request, decision = approval.request, approval.decision
    word = f" by {decision.person}" if decision else ""
    how = f", with {decision.how}" if decision and decision.how else ""
    entry = Entry(
        at=at.isoformat(timespec="milliseconds"),
        who=request.scope,
        caller=request.asked_by or None,
        channel=request.channel or None,
        acts_as=None,
        operation=request.subject,
        arguments="\n".join(request.shown),
        outcome=outcome,
        detail=f"{request.kind} number {approval.number}: {_WORDS[outcome]}{word}{how}",
        approved_by=decision.by if decision and decision.approve else "",
    )
    return write(connection, entry)


_WORDS: dict[Outcome, str] = {
    "approved": "approved",
    "denied": "denied",
    "expired": "nobody decided in time",
    "started": "runs, approved",
}
