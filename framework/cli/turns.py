"""`turns`: what the bots have in hand, and what was given up: listed, shown, tried again."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from framework.errors import FrameworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from framework.engine.durable import DurableEngine
    from framework.engine.port import Record, State
    from framework.settings import Settings

T = TypeVar("T")
STATES: tuple[State, ...] = ("dead", "waiting", "running", "settled")
_MOST = 10_000
_LEAST = 8
"""Characters of an id by which a turn is found."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfState = Annotated[
    list[str] | None,
    typer.Option("--state", help="dead, waiting, running or settled; may be repeated. [default: dead]"),
]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="How many turns at most, the latest change first.")]
Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The turn: its key or the id of its reply, or how either begins.")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        name="turns",
        help="Turns that wait, run, are done, or were given up (dead letters).",
        invoke_without_command=True,
        add_completion=False,
    )
    group.callback()(root)
    group.command(name="list")(list_turns)
    group.command(name="show")(show)
    group.command(name="why")(why)
    group.command(name="retry")(retry)
    app.add_typer(group)


def root(
    context: typer.Context,
    state: OfState = None,
    limit: Limit = 20,
    load: Annotated[bool, typer.Option("--load", help="Only say how much there is to do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turns that wait, run, are done, or were given up (dead letters). Without a command they are listed."""
    if context.invoked_subcommand is None:
        if load:
            _say_load(as_json=as_json)
        else:
            list_turns(state, limit, as_json=as_json)
    elif state is not None or load or as_json:
        raise UsageError(
            "Options of a command stand behind it.", hint=f"Write: turns {context.invoked_subcommand} ... --json"
        )


def list_turns(state: OfState = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List turns: the dead letters, unless another state is asked for."""
    states = _states(state or ["dead"])
    records = with_engine(lambda engine: engine.records(states, limit=limit)) or ()
    if as_json:
        _print_json([_facts(record) for record in records])
        return
    from framework.cli.turns_view import print_list

    print_list(records, states)


def show(key: Key, as_json: AsJson = False) -> None:
    """Show one turn: where, what was asked, how often it was tried, what went wrong, which steps are kept."""
    record = _found(key, with_engine(lambda engine: _look_up(engine, key)))
    if as_json:
        _print_json(_facts(record))
        return
    from framework.cli.turns_view import print_one

    print_one(record)


def why(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="A message's id, its reply's, or a turn's key.")],
    bot: Annotated[
        list[str] | None, typer.Option(help="Only this bot: a name or a path. [default: all under bots/]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of one message, answered or not: what was decided, and which line of bot.yaml is behind it."""
    from framework.cli.turns_why import all_bots, asked_id, read_messages, stories
    from framework.definition.loader import load_bot
    from framework.settings import load_settings

    bots = [load_bot(name) for name in bot] if bot else list(all_bots())
    records = with_engine(lambda engine: _about(engine, message)) or []
    ids = [one for record in records for one in (asked_id(record), str(record.job.payload.get("reply", ""))) if one]
    read = asyncio.run(read_messages(load_settings(), ids or [message]))
    told = stories(message, records, read, bots)
    if as_json:
        _print_json([asdict(one) for one in told])
        return
    from framework.cli.turns_view import print_stories

    print_stories(told)


async def _about(engine: DurableEngine, name: str) -> list[Record]:
    """The turns of all bots about a message, and the one with this key or reply."""
    from framework.cli.turns_why import asked_id

    records = await engine.records(STATES, limit=_MOST)
    about = [one for one in records if asked_id(one) == name]
    if not about and (one := await _look_up(engine, name)) is not None:
        about = [one]
    return about


def retry(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY...", help="Keys of turns or ids of replies, or how they begin.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try dead letters again, with their finished steps: at once if the bot runs, else when it starts.

    The answer replaces the apology in the channel.
    """
    if bool(keys) == everything:
        raise UsageError("Which ones?", hint="Name the keys that `turns` lists, or say --all.")
    records = with_engine(lambda engine: _retry(engine, keys or [])) or []
    if as_json:
        _print_json([record.job.key for record in records])
        return
    from framework.cli.turns_view import print_retried

    print_retried(records)


async def _retry(engine: DurableEngine, keys: list[str]) -> list[Record]:
    """Those that are tried again. All are looked at before the first one is: a wrong key changes nothing."""
    if keys:
        records = [_found(key, await _look_up(engine, key)) for key in dict.fromkeys(keys)]
    else:
        records = list(await engine.records(("dead",), limit=_MOST))
    for record in records:
        if record.state != "dead":
            raise FrameworkError(
                f"The turn {record.job.key} is {record.state}: only what is dead is tried again.",
                hint="`turns` lists the dead ones.",
            )
    return [record for record in records if await engine.retry(record.job.key)]


def _say_load(*, as_json: bool) -> None:
    from framework.engine.port import Load

    load = with_engine(lambda engine: engine.load()) or Load(0, 0, 0)
    if as_json:
        _print_json(asdict(load))
        return
    from framework.cli.turns_view import print_load

    print_load(load)


def _states(given: list[str]) -> tuple[State, ...]:
    known: dict[str, State] = {"dead": "dead", "waiting": "waiting", "running": "running", "settled": "settled"}
    for name in given:
        if name not in known:
            raise UsageError(f"{name!r} is not a state.", hint=f"One of {', '.join(STATES)}.")
    return tuple(dict.fromkeys(known[name] for name in given))


async def _look_up(engine: DurableEngine, name: str) -> Record | None:
    """The turn with this key or reply, of which the beginning is enough; None for none and for several."""
    record = await engine.record(name)
    if record is not None or len(name) < _LEAST:
        return record
    records = await engine.records(STATES, limit=_MOST)
    found = [one for one in records if str(one.job.payload.get("reply", "")).startswith(name)]
    return found[0] if len(found) == 1 else None


def _found(key: str, record: Record | None) -> Record:
    if record is None:
        raise UsageError(
            f"There is no turn {key!r}, or more than one begins so.",
            hint="`turns --state settled` lists the others; a key's first 8 characters are enough.",
        )
    return record


def with_engine(work: Callable[[DurableEngine], Awaitable[T]]) -> T | None:
    """Ask the database of the environment; None where no bot ever ran with it."""
    from framework.app.environment import logging_for
    from framework.settings import load_settings

    settings = load_settings()
    logging_for(settings, level="warning")
    if not _exists(settings):
        return None
    return asyncio.run(_ask(settings, work))


async def _ask(settings: Settings, work: Callable[[DurableEngine], Awaitable[T]]) -> T:
    from framework.app.serving import open_database

    engine = await asyncio.to_thread(open_database, settings)
    try:
        return await work(engine)
    finally:
        await engine.close()


def _exists(settings: Settings) -> bool:
    from framework.storage.connection import address

    if settings.journal is not None:
        return True
    file = address(settings.database.get_secret_value()).file
    return file is None or file.exists()


def _facts(record: Record) -> dict[str, Any]:
    payload = record.job.payload
    trigger = payload.get("trigger") or {}
    return {
        "key": record.job.key,
        "state": record.state,
        "bot": payload.get("bot"),
        "lane": record.job.lane,
        "message_id": trigger.get("id"),
        "user": (trigger.get("user") or {}).get("id"),
        "text": trigger.get("text"),
        "cause": (payload.get("cause") or {}).get("kind"),
        "attempts": record.attempts,
        "accepted_at": record.accepted_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "owner": record.owner,
        "outcome": record.outcome,
        "error": record.error,
        "steps": list(record.steps),
    }


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
