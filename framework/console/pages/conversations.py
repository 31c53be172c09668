"""Conversations, the latest first: what came of the last turn of each, and why a bot was silent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, page, value_of
from framework.insight.conversations import PAGE, Sought
from framework.insight.history import TurnLine
from framework.runtime.state.handover import Handover

OUTCOMES = ("answered", "unsure", "refused", "handed_over", "silent", "stopped", "failed")
_MOST_AT_WORK = 200
SAME = Response(status_code=204)
"""Nothing changed: the page stays as it is."""


@dataclass(frozen=True)
class ListedConversation:
    """A row: the latest turn of a conversation, who has it now, and whether a turn is at work in it."""

    line: TurnLine
    handover: Handover | None
    is_at_work: bool


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of this page."""

    async def whole(visit: Visit) -> Response:
        return visit.page("conversations.html.j2", **await _listed(visit), sought=_sought_fields(visit))

    async def rows(visit: Visit) -> Response:
        """The rows alone, unless the page has them as they are."""
        listed = await _listed(visit)
        if value_of(visit.query, "seen") == listed["mark"]:
            return SAME
        return visit.page("conversation_rows.html.j2", **listed)

    return [page(parts, "/", whole), page(parts, "/conversations/rows", rows, by_itself=True)]


async def _listed(visit: Visit) -> dict[str, Any]:
    parts, sought = visit.parts, _sought(visit.query)
    lines = await parts.conversations.latest(sought)
    shown, more = lines[:PAGE], len(lines) > PAGE
    open_ = await open_handovers(parts)
    busy = await _at_work(parts)
    places = [(line.bot, line.channel) for line in shown]
    rows = [
        ListedConversation(line, open_.get(place), place in busy) for line, place in zip(shown, places, strict=True)
    ]
    fields = _sought_fields(visit)
    last = shown[-1] if more else None
    following = urlencode({**fields, "at": last.received_at.isoformat(), "key": last.key}) if last else ""
    first = [] if any(visit.query.get(name) for name in _FIELDS) else sorted(busy.difference(places))
    seen = [(row.line.key, row.line.label, row.handover, row.is_at_work) for row in rows]
    mark = hashlib.sha256(repr((seen, first)).encode()).hexdigest()[:16]
    again = urlencode({**{name: value for name, value in visit.query.items() if name in _FIELDS}, "seen": mark})
    return {"rows": rows, "following": following, "mark": mark, "again": again, "first": first, "outcomes": OUTCOMES}


_FIELDS = ("bot", "outcome", "words", "at", "key")


def _sought_fields(visit: Visit) -> dict[str, str]:
    return {name: value_of(visit.query, name) for name in ("bot", "outcome", "words")}


def _sought(query: Mapping[str, str]) -> Sought:
    return Sought(
        bot=value_of(query, "bot"),
        outcome=value_of(query, "outcome"),
        words=value_of(query, "words").strip(),
        before=place_of(query),
    )


def place_of(query: Mapping[str, str]) -> tuple[datetime, str] | None:
    """Return where the page before ended, if the address says it."""
    at, key = value_of(query, "at"), value_of(query, "key")
    try:
        moment = datetime.fromisoformat(at) if at else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else (moment, key)


async def open_handovers(parts: ConsoleParts) -> Mapping[tuple[str, str], Handover]:
    """Return the open handovers of all bots here, by bot and channel."""
    found: dict[tuple[str, str], Handover] = {}
    for bot in parts.bots():
        for channel, state in (await bot.handovers.open_ones(bot.scope)).items():
            found[bot.name, channel] = state
    return found


async def _at_work(parts: ConsoleParts) -> frozenset[tuple[str, str]]:
    """Where turns wait or run now: bot and channel."""
    records = await parts.engine.records(("running", "waiting"), limit=_MOST_AT_WORK)
    found = set()
    for record in records:
        payload = record.job.payload
        channel = ((payload.get("trigger") or {}).get("channel")) or {}
        if channel:
            found.add((str(payload.get("bot", "")), f"{channel.get('type')}:{channel.get('id')}"))
    return frozenset(found)
