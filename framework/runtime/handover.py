"""The state of a handover, as the channel itself keeps it: any replica, and a process started anew, reads it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self

FIELD = "handover"
"""The channel's custom field."""

_REMEMBERED = 8  # spans of earlier handovers: enough for the horizon of catching up, small enough for a channel's data
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Handover:
    """One handover of a channel. `reason` is for everybody in the channel to read, customers too.

    `since` is when the message was written that led to it, `until` when the team handed back; what was written in
    between was for the person, and is not answered later. `turn` is the reply's id of the turn that opened it, `by` the
    bot, `to` the people called, `taken_by` the first of the team who wrote since, `past` the spans before this one.
    """

    state: Literal["open", "closed"]
    since: datetime
    reason: str = ""
    by: str = ""
    to: tuple[str, ...] = ()
    turn: str = ""
    taken_by: str = ""
    until: datetime | None = None
    past: tuple[Span, ...] = ()

    @classmethod
    def read(cls, custom: Mapping[str, Any]) -> Self | None:
        """What a channel's custom data says. None: there never was one, or it is not ours to read."""
        field = custom.get(FIELD)
        if not isinstance(field, Mapping) or field.get("state") not in {"open", "closed"}:
            return None
        since = _time(field.get("since"))
        if since is None:
            return None
        return cls(
            state=field["state"],
            since=since,
            reason=_text(field.get("reason")),
            by=_text(field.get("by")),
            to=tuple(filter(None, map(_text, _list(field.get("to"))))),
            turn=_text(field.get("turn")),
            taken_by=_text(field.get("taken_by")),
            until=_time(field.get("until")),
            past=tuple(span for item in _list(field.get("past")) if (span := _span(item)) is not None),
        )

    def field(self) -> dict[str, Any]:
        """What is kept in the channel."""
        value: dict[str, Any] = {
            "state": self.state,
            "reason": self.reason,
            "since": self.since.isoformat(),
            "by": self.by,
            "to": list(self.to),
            "turn": self.turn,
        }
        if self.taken_by:
            value["taken_by"] = self.taken_by
        if self.until is not None:
            value["until"] = self.until.isoformat()
        if self.past:
            value["past"] = [[begin.isoformat(), end.isoformat()] for begin, end in self.past]
        return value

    @property
    def is_open(self) -> bool:
        """Whether a person has the channel."""
        return self.state == "open"

    def ended(self, at: datetime, after: timedelta) -> bool:
        """Whether it has gone on so long, at this time, that the bot is back."""
        return self.is_open and at > self.since + after

    def closed(self, until: datetime) -> Handover:
        """The same, handed back. `taken_by` stays for people to read."""
        return replace(self, state="closed", until=max(until, self.since))

    def reopened(self, newer: Handover) -> Handover:
        """The next one, which remembers this one's time."""
        spans = [*self.past, *([(self.since, self.until)] if self.until is not None else [])]
        return replace(newer, past=tuple(spans[-_REMEMBERED:]))

    def had(self, at: datetime) -> bool:
        """Whether a message of this time was written while a person had the channel."""
        spans = [*self.past, *([(self.since, self.until)] if self.until is not None else [])]
        return any(begin < at <= end for begin, end in spans)


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _span(value: object) -> Span | None:
    times = [_time(item) for item in _list(value)]
    return (times[0], times[1]) if len(times) == 2 and times[0] is not None and times[1] is not None else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
