"""Approvals as rows of the table, and back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from framework.approvals.approval import Approval, Card, Decision, Request

_LETTERS = "23456789BCDFGHJKMNPQRSTVWXYZ"  # none that is taken for another, none that spells words
_LENGTH = 6


def new_row(request: Request, now: datetime) -> dict[str, Any]:
    """The row of a request that was just made. Raises ValueError if its content cannot be written as JSON."""
    return {
        "id": secrets.token_hex(16),
        "number": "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)),
        "seed": secrets.token_hex(16),
        "kind": request.kind,
        "scope": request.scope,
        "key": request.key or None,
        "subject": request.subject,
        "content": as_json(request.content),
        "shown": as_json(list(request.shown)),
        "fingerprint": request.fingerprint,
        "asked_by": request.asked_by,
        "asked_name": request.asked_name,
        "channel": request.channel,
        "about": as_json(request.about),
        "state": "waiting",
        "decidable": 0 if request.on_card else 1,
        "edited": 0,
        "asked_at": moment(now),
        "expires_at": moment(now + request.lifetime),
    }


def approval_of(row: Mapping[Any, Any]) -> Approval:
    """The approval that a row holds."""
    asked, expires = datetime.fromisoformat(row["asked_at"]), datetime.fromisoformat(row["expires_at"])
    request = Request(
        kind=row["kind"],
        scope=row["scope"],
        subject=row["subject"],
        content=json.loads(row["content"]),
        shown=tuple(json.loads(row["shown"])),
        lifetime=expires - asked,
        asked_by=row["asked_by"],
        asked_name=row["asked_name"],
        channel=row["channel"],
        key=row["key"] or "",
        about=json.loads(row["about"]),
        on_card=row["card_first"] is not None or not row["decidable"],
    )
    made = Approval(
        id=row["id"],
        number=row["number"],
        request=request,
        state=row["state"],
        asked_at=asked,
        expires_at=expires,
        seed=row["seed"],
        fingerprint=row["fingerprint"],
        decision=_decision(row),
        edited=bool(row["edited"]),
        result=row["result"],
    )
    return _with_card(made, row)


def _with_card(approval: Approval, row: Mapping[Any, Any]) -> Approval:
    from dataclasses import replace

    if row["card_channel"] is None:
        return approval
    ids = tuple(approval.card_id(number) for number in range(1, row["card_parts"] + 1))
    return replace(approval, card=Card(row["card_channel"], ids, row["card_seen"] or ""))


def _decision(row: Mapping[Any, Any]) -> Decision | None:
    if row["decided_by"] is None:
        return None
    approve = row["state"] not in {"denied", "expired"}
    return Decision(approve, row["decided_by"], row["decided_name"], row["decided_how"], row["decided_key"])


def moment(time: datetime) -> str:
    """A time as text that sorts by time."""
    from datetime import UTC

    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def as_json(value: object) -> str:
    """JSON of fixed order. Raises ValueError for what it cannot hold, such as an integer of 5,000 digits."""
    plain = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(plain, ensure_ascii=True, sort_keys=True, default=str)


KEPT = timedelta(days=30)
"""How long what was decided is kept."""
