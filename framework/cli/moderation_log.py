"""`moderation log`: the decisions on messages, and what came of each."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.moderation.decisions import LoggedDecision

MOST = 1_000
"""Decisions that are looked through at once."""


def log(
    last: Annotated[int, typer.Option(min=1, max=MOST, help="How many of the newest that fit.")] = 20,
    channel: Annotated[str, typer.Option(help="Only in this channel, as type:id.")] = "",
    user: Annotated[str, typer.Option(help="Only on this user's messages, by id.")] = "",
    rule: Annotated[str, typer.Option(help="Only those that this rule applies to.")] = "",
    outcome: Annotated[str, typer.Option(help="Only with this outcome, such as reject.")] = "",
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only of so long, such as 2h, or since a time in ISO 8601.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show what was decided on messages, oldest first: when, where, on whose, by which rules, and what came of it.

    A digest stands for the text, unless FRAMEWORK_KEEP_TEXT was set when it was decided. With --outcome allow also
    those that nothing was found in.
    """
    from framework.moderation.rules.outcome import Outcome

    if outcome and outcome not in set(Outcome):
        raise UsageError(f"{outcome!r} is not an outcome.", hint=f"Use one of {', '.join(Outcome)}.")
    begin = _time(since)
    wanted = {"channel": channel, "user_id": user, "outcome": outcome}
    found = asyncio.run(_read({key: value for key, value in wanted.items() if value}))
    fitting = [
        one
        for one in found
        if (begin is None or one.decision.at >= begin)
        and (not rule or rule in {hit.name for hit in one.decision.rules})
    ]
    for one in fitting[-last:]:
        sys.stdout.write((json.dumps(_record(one), ensure_ascii=False) if as_json else _line(one)) + "\n")
    if not fitting and not as_json:
        sys.stdout.write("No decision fits.\n")


async def _read(where: dict[str, str]) -> Sequence[LoggedDecision]:
    from framework.app.environment import logging_for, prepare_data
    from framework.moderation.decisions import DecisionStore
    from framework.settings import load_settings
    from framework.storage import Storage

    settings = load_settings()
    logging_for(settings, level="warning")
    prepare_data(settings.data)
    store = DecisionStore(Storage(settings.database.get_secret_value()), now=lambda: datetime.now(UTC))
    try:
        return await store.last(MOST, **where)
    finally:
        store.storage.close()


def _time(since: str) -> datetime | None:
    from pydantic import TypeAdapter, ValidationError

    from framework.definition.parts.part import Duration

    if not since:
        return None
    try:
        ago: timedelta = TypeAdapter(Duration).validate_python(since)
        return datetime.now(UTC) - ago
    except (ValidationError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError(f"{since!r} is no time.", hint="Write 2h, 7d, or 2026-05-01T12:00:00+00:00.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _record(one: LoggedDecision) -> dict[str, Any]:
    made = one.decision
    return {
        "at": made.at.isoformat(timespec="milliseconds"),
        "outcome": str(made.outcome),
        "channel": made.channel,
        "user": made.user_id,
        "message": made.message_id,
        "bot": made.bot,
        "origin": made.origin,
        "rules": [
            {"name": hit.name, "where": hit.where, "outcome": str(hit.outcome), "found": list(hit.found)}
            for hit in made.rules
        ],
        "late": list(made.late),
        "digest": made.content,
        **({"text": made.text} if made.text else {}),
        "effects": [
            {"kind": effect.kind, "state": effect.state, **({"error": effect.error} if effect.error else {})}
            for effect in one.effects
        ],
    }


def _line(one: LoggedDecision) -> str:
    made = one.decision
    rules = "; ".join(f"{hit.name} ({hit.where}): {', '.join(hit.found)}" for hit in made.rules)
    late = f"  not judged in time: {', '.join(made.late)}" if made.late else ""
    effects = "".join(f"  {effect.kind} {effect.state}" for effect in one.effects)
    what = json.dumps(made.text, ensure_ascii=False) if made.text else f"digest {made.content[:12]}"
    at = made.at.isoformat(timespec="seconds")[:19]
    return f"{at}  {made.outcome:<7}  {made.user_id} in {made.channel}: {what}  {rules}{late}{effects}".rstrip()
