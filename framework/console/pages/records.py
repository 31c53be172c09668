"""Search: turns by time, and the audit log by who did what. And the report of a period."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from framework.audit.log import SoughtEntries
from framework.console.pages.conversations import OUTCOMES, place_of
from framework.console.parts import ConsoleParts
from framework.console.visit import Visit, page, value_of
from framework.errors import UsageError
from framework.insight.conversations import PAGE, Sought

_PERIODS = {"1": "day", "7": "week", "30": "30 days", "90": "90 days"}
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_ATTRIBUTE = re.compile(r' style="([^"]*)"')
_TURN_FIELDS = ("bot", "outcome", "words", "since", "until")
_AUDIT_FIELDS = ("who", "words", "outcome")


def routes(parts: ConsoleParts) -> Sequence[Route]:
    """Return the routes of these pages."""
    return [
        page(parts, "/turns", _turns),
        page(parts, "/audit", _audit, needs="agent"),
        page(parts, "/report", _report),
        page(parts, "/report/page", _report_page),
    ]


async def _turns(visit: Visit) -> Response:
    fields = {name: value_of(visit.query, name) for name in _TURN_FIELDS}
    sought = Sought(
        bot=fields["bot"],
        outcome=fields["outcome"],
        words=fields["words"].strip(),
        before=place_of(visit.query),
        since=moment_of(fields["since"]),
        until=moment_of(fields["until"]),
    )
    lines = await visit.parts.conversations.turns(sought)
    last = lines[PAGE - 1] if len(lines) > PAGE else None
    more = urlencode({**fields, "at": last.received_at.isoformat(), "key": last.key}) if last else ""
    return visit.page("turns.html.j2", lines=lines[:PAGE], following=more, sought=fields, outcomes=OUTCOMES)


def moment_of(text: str) -> datetime | None:
    """Return a time as a form has it, in UTC; None for none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return None if found is None else found.replace(tzinfo=UTC)


async def _audit(visit: Visit) -> Response:
    fields = {name: value_of(visit.query, name).strip() for name in _AUDIT_FIELDS}
    before = value_of(visit.query, "before")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 15 else None
    entries = await visit.parts.audit.find(SoughtEntries(**fields, before=number), PAGE + 1)
    more = urlencode({**fields, "before": entries[PAGE - 1]["id"]}) if len(entries) > PAGE else ""
    return visit.page("audit.html.j2", entries=entries[:PAGE], following=more, sought=fields)


async def _report(visit: Visit) -> Response:
    return visit.page("report.html.j2", periods=_PERIODS, has_report=visit.parts.report is not None)


async def _report_page(visit: Visit) -> Response:
    days, now = value_of(visit.query, "days"), visit.parts.timing.now()
    if visit.parts.report is None or days not in _PERIODS:
        raise UsageError("There is no report of this period.", hint="Choose one on the page before.")
    html = await visit.parts.report(now - timedelta(days=int(days)), now)
    return HTMLResponse(html, headers=policy_of(html))


def policy_of(html: str) -> Mapping[str, str]:
    """Return the policy of a page that holds its own styles: these by their hashes, and nothing else."""
    found = [*_STYLE.findall(html), *_ATTRIBUTE.findall(html)]
    hashes = dict.fromkeys(base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    policy = f"default-src 'none'; style-src 'unsafe-hashes' {allowed}; base-uri 'none'; frame-ancestors 'none'"
    return {"content-security-policy": policy}
