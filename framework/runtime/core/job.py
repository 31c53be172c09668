"""A turn as a job: plain data, so that any engine can keep it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from framework.engine.port import Execution, Job
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.turn import Cause, Origin, Turn, unfenced
from framework.stream.model import Message

VERSION = 1
"""Of a job's payload. Raise it with every change that an older program cannot read: it leaves the job to newer ones."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def _messages() -> TypeAdapter[Message]:
    return TypeAdapter(Message)


@cache
def _causes() -> TypeAdapter[Cause]:
    return TypeAdapter(Cause)


def new_turn(bot: RunningBot, trigger: Message, *, now: datetime, origin: Origin, cause: Cause | None = None) -> Turn:
    """The turn of this bot for this message."""
    return Turn(
        bot=bot.name,
        bot_user_id=bot.user_id,
        channel=trigger.channel,
        trigger=trigger,
        received_at=now,
        ids=bot.ids.of(trigger.id, made_up=cause is not None and cause.made_up),
        setup=bot.at(trigger.channel),
        origin=origin,
        scope=bot.scope,
        cause=cause or Cause(),
    )


def order(message: Message) -> str:
    """A string that sorts as the channel does: by time in whole microseconds, fixed width, then by id."""
    age = message.created_at - _EPOCH
    micros = (age.days * 86_400 + age.seconds) * 1_000_000 + age.microseconds
    return f"{micros:020d}-{message.id}"


def to_job(turn: Turn, *, delay: float = 0.0) -> Job:
    """The turn before any stage touched it, to start after so many seconds."""
    payload: dict[str, Any] = {
        "version": VERSION,
        "bot": turn.bot,
        "bot_user_id": turn.bot_user_id,
        "origin": turn.origin,
        "reply": turn.reply_id,
        "received_at": turn.received_at.isoformat(),
        "trigger": _messages().dump_python(turn.trigger, mode="json"),
        "cause": _causes().dump_python(turn.cause, mode="json"),
    }
    who = {"id": turn.trigger.user.id}
    kept = {name: payload[name] for name in ("version", "bot", "bot_user_id", "origin", "reply", "received_at")}
    payload["kept"] = {**kept, "trigger": {"id": turn.trigger.id, "user": who}, "cause": {"kind": turn.cause.kind}}
    when = order(turn.trigger)
    return Job(key=turn.ids.job, lane=turn.lane, order=when, payload=payload, delay=delay, scope=turn.scope)


def from_job(job: Job, bot: RunningBot, execution: Execution | None = None) -> Turn:
    """The turn that `to_job` put away, for the bot as it is now."""
    payload = job.payload
    trigger = _messages().validate_python(payload["trigger"])
    cause = _causes().validate_python(payload["cause"])
    return Turn(
        bot=payload["bot"],
        bot_user_id=payload["bot_user_id"],
        channel=trigger.channel,
        trigger=trigger,
        received_at=datetime.fromisoformat(payload["received_at"]),
        ids=bot.ids.of(trigger.id, made_up=cause.made_up),
        setup=bot.at(trigger.channel),
        origin=payload["origin"],
        scope=job.scope,
        cause=cause,
        execution=execution,
        fence=execution.check if execution else unfenced,
    )
