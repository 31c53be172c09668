"""The state of a handover: what a bot keeps of it in its database, and what it shows of it in the channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

FIELD = "handover"
"""The channel's custom field that shows the state, for clients to draw. Members with the right to edit the
channel may change it, so it is never read."""

_REMEMBERED = 8
"""Earlier handovers of a channel that are kept: enough for the horizon of catching up."""


@dataclass(frozen=True)
class Act:
    """A person's act, by which message or reaction. `user` is an id, empty if it happened by itself; `name` is
    for people to read.
    """

    user: str
    by: str
    name: str = ""


BY_TIME = Act("", "time")
"""It was over by itself."""


@dataclass(frozen=True)
class Past:
    """A handover that is over: what was written after `since` and up to `until` was for a person."""

    turn: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Handover:
    """The latest handover of a channel. `reason` is for everybody in the channel to read, customers too.

    `since` is when the message was written that led to it, `until` when the team handed back; what was written in
    between was for the person, and is not answered later. `turn` is the key of the turn that opened it, `trigger` the
    message that it answers, or, with `made_up`, what happened. `to` are the people called, `taken` who of the team
    wrote first, `ended` who handed back. `alerted`: the team's channel was told. `past` are the ones before this one.
    `away`: it was opened outside the team's hours. `called_at`: when others were called after the first ones, and
    `reminders`: how often that was because nobody came. `begun_at`: when the team's hours began after it was opened
    outside of them; `away` is false since. `asked_by`: the author of the message; empty for one who was forgotten, and
    in what earlier versions kept.
    """

    state: Literal["open", "closed"]
    since: datetime
    turn: str
    trigger: str
    made_up: bool = False
    reason: str = ""
    to: tuple[str, ...] = ()
    alerted: bool = False
    taken: Act | None = None
    until: datetime | None = None
    ended: Act | None = None
    past: tuple[Past, ...] = ()
    away: bool = False
    called_at: datetime | None = None
    reminders: int = 0
    begun_at: datetime | None = None
    asked_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a person has the channel."""
        return self.state == "open"

    def ended_by_time(self, at: datetime, after: timedelta) -> bool:
        """Whether it has gone on so long, at this time, that the bot is back."""
        return self.is_open and at > self.counted_from + after

    @property
    def counted_from(self) -> datetime:
        """From when on it lasts: since it was opened, or since the team's hours began after that."""
        return self.begun_at or self.since

    def had(self, at: datetime) -> bool:
        """Whether a message of this time was written while a person had the channel, in a handover that is over."""
        return any(one.since < at <= one.until for one in self._spans())

    def knows(self, turn: str) -> bool:
        """Whether a turn opened this handover, or one before it."""
        return turn in {self.turn, *(one.turn for one in self.past)}

    def shown(self, *, bot: str) -> dict[str, Any]:
        """Return what the channel's field shows. `bot` is the bot's user id."""
        value: dict[str, Any] = {
            "state": self.state,
            "reason": self.reason,
            "since": self.since.isoformat(),
            "by": bot,
            "to": list(self.to),
            "turn": self.turn,
        }
        if self.away:
            value["away"] = True
        if self.taken is not None:
            value["taken_by"] = self.taken.name or self.taken.user
        if self.until is not None:
            value["until"] = self.until.isoformat()
        return value

    def without(self, user: str) -> Handover:
        """The same without a person: they wanted to be forgotten."""
        return replace(
            self,
            to=tuple(one for one in self.to if one != user),
            taken=_without(self.taken, user),
            ended=_without(self.ended, user),
            asked_by="" if self.asked_by == user else self.asked_by,
        )

    def _spans(self) -> tuple[Past, ...]:
        return (*self.past, *((Past(self.turn, self.since, self.until),) if self.until is not None else ()))


Change = Callable[[Handover | None], Handover | None]
"""From the state of a channel to the next one; the same object for no change. It may be called more than once."""


def opening(newer: Handover) -> Change:
    """Open a handover, unless another turn has one open, or this turn has opened it before.

    What was written before the team handed back was for the person who had the channel: it opens none either, however
    late its turn comes.
    """

    def change(before: Handover | None) -> Handover | None:
        if before is None:
            return newer
        handed_back = before.until is not None and newer.since <= before.until and not newer.made_up
        if before.is_open or before.knows(newer.turn) or handed_back:
            return before
        return replace(newer, past=before._spans()[-_REMEMBERED:])  # noqa: SLF001 - its own module

    return change


def altering(turn: str, how: Callable[[Handover], Handover]) -> Change:
    """Alter the open handover of a turn; leave any other as it is."""

    def change(before: Handover | None) -> Handover | None:
        return how(before) if before is not None and before.is_open and before.turn == turn else before

    return change


def taking(turn: str, act: Act) -> Change:
    """Note who took it, the first time."""
    return altering(turn, lambda state: state if state.taken is not None else replace(state, taken=act))


def closing(turn: str, until: datetime, act: Act) -> Change:
    """Hand back. What was written up to `until` was for the person."""
    return altering(turn, lambda state: replace(state, state="closed", until=max(until, state.since), ended=act))


def _without(act: Act | None, user: str) -> Act | None:
    return replace(act, user="", name="") if act is not None and act.user == user else act
