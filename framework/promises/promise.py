"""A promise: what a bot said that it would tell somebody later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

PromiseKind = Literal["remind", "ask", "tell"]
"""A reminder at a time, a question that is asked again at a time, or word of an event."""
PromiseState = Literal["open", "keeping", "kept", "cancelled", "missed"]
LONGEST_WHAT = 300
"""Characters of what was wished that are kept and repeated."""


@dataclass(frozen=True)
class Promise:
    """One promise to one person, kept once in the place where it was made. Times are aware, in UTC.

    `id` follows from the message that led to it. `channel` is TYPE:ID, `thread` the id of the thread's parent or "".
    `what` are the person's own words. `due` is when it is kept; None for one that waits for an `event`. `happened_at`
    is when that came. `visible_to`: the only people who may read it; empty: every member. `was_member`: the person was
    a member of the channel; who leaves it hears no more. `turn` names the turn that keeps it at the moment.
    """

    id: str
    scope: str
    bot: str
    channel: str
    thread: str
    user: str
    message: str
    kind: PromiseKind
    what: str
    language: str
    zone: str
    made_at: datetime
    due: datetime | None = None
    event: str = ""
    happened_at: datetime | None = None
    visible_to: tuple[str, ...] = ()
    was_member: bool = True
    state: PromiseState = "open"
    reason: str = ""
    turn: str = ""
