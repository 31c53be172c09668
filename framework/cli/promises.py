"""`promises`: what bots promised people: list, cancel, and tell of an event."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.errors import UsageError

if TYPE_CHECKING:
    from framework.promises.promise import Promise
    from framework.promises.store import PromiseStore

_SHOWN = 60
"""Characters of what was promised in a list."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfBot = Annotated[str, typer.Option("--bot", help="Only those of this bot.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="promises", help="Promises: what bots will tell people later.", no_args_is_help=True)
    group.command(name="list")(list_promises)
    group.command()(cancel)
    group.command()(happened)
    app.add_typer(group)


def list_promises(
    bot: OfBot = "",
    user: Annotated[str, typer.Option("--user", help="Only those to this person.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="Those that ended within 90 days, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List promises, the next one first: to whom, where, when or for which event."""
    found = asyncio.run(_store().all(bot=bot, user=user, ended=ended))
    if as_json:
        sys.stdout.write(json.dumps([_facts(one) for one in found], ensure_ascii=False, indent=2) + "\n")
        return
    for one in found:
        sys.stdout.write(_line(one) + "\n")
    if not found:
        sys.stdout.write("Nothing is promised.\n")


def cancel(
    promise: Annotated[str, typer.Argument(metavar="[ID]", help="How its id begins, as `promises list` shows.")] = "",
    bot: OfBot = "",
    user: Annotated[str, typer.Option("--user", help="All that was promised to this person.")] = "",
) -> None:
    """Take promises back. Nobody is told; ID, or --user, says which."""
    if bool(promise) == bool(user):
        raise UsageError("Name a promise by its id, or a person by --user.", hint="`promises list` shows both.")
    store = _store()
    found = [one for one in asyncio.run(store.all(bot=bot, user=user)) if one.id.startswith(promise)]
    if promise and len(found) != 1:
        raise UsageError(
            f"{len(found)} open promises have an id that begins with {promise!r}.", hint="`promises list` shows ids."
        )
    count = asyncio.run(store.cancel(found, "an operator took it back"))
    sys.stdout.write(f"{count} taken back.\n")


def happened(
    event: Annotated[str, typer.Argument(help="The type of the event, as `promises: events:` names it.")],
    channel: Annotated[str, typer.Option(help="TYPE:ID of the channel of the person who waits for it.")],
    at: Annotated[str, typer.Option(help="When it happened, in ISO 8601. [default: now]")] = "",
) -> None:
    """Say that an event happened, also while no bot runs: who waits for it in this channel is told, late if need be."""
    now = datetime.now(UTC)
    time = _time(at) if at else now
    store = _store()
    waiting = [one for one in asyncio.run(store.all()) if (one.event, one.channel) == (event, channel)]
    scopes = {one.scope for one in waiting if one.due is None}
    counts = [asyncio.run(store.happened(scope, channel, event, time, max(time, now))) for scope in sorted(scopes)]
    sys.stdout.write(f"{sum(counts)} promises are due.\n")


def _time(text: str) -> datetime:
    try:
        named = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time.", hint="Write it as in 2026-12-24T18:00+01:00.") from None
    return named.astimezone(UTC)


def _store() -> PromiseStore:
    from framework.promises.store import PromiseStore
    from framework.settings import load_settings
    from framework.storage import Storage

    return PromiseStore(Storage(load_settings().database.get_secret_value()), now=lambda: datetime.now(UTC))


def _line(one: Promise) -> str:
    due = f"when {one.event}" if one.due is None else one.due.isoformat(timespec="minutes")
    what = one.what if len(one.what) <= _SHOWN else f"{one.what[: _SHOWN - 1]}…"
    state = "" if one.state == "open" else f"  {one.state}{f': {one.reason}' if one.reason else ''}"
    return f"{one.id[:8]}  {due:25}  {one.bot}  {one.user} in {one.channel}  {what}{state}"


def _facts(one: Promise) -> dict[str, Any]:
    times = {name: value.isoformat() if value else None for name, value in _times(one).items()}
    return {
        "id": one.id,
        "bot": one.bot,
        "user": one.user,
        "channel": one.channel,
        "thread": one.thread,
        "kind": one.kind,
        "what": one.what,
        "event": one.event,
        **times,
        "state": one.state,
        "reason": one.reason,
    }


def _times(one: Promise) -> dict[str, datetime | None]:
    return {"made_at": one.made_at, "due": one.due, "happened_at": one.happened_at}
