"""A turn before the engine has it, as a job that any engine can keep, and what the engine does with it at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from framework.engine.port import DeadLetter, Done, Engine, Execution, Job, JobResult, Retry
from framework.insight import traces
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.outcome import Failed, HandedOff, Outcome, Replied, Silent
from framework.runtime.core.turn import Cause, Origin, Turn, lane_of, unfenced
from framework.runtime.state.ids import TurnIds
from framework.stream.model import Message
from framework.stream.timing import Timing

VERSION = 1
"""Of a job's payload. Raise it with every change that an older program cannot read: it leaves the job to newer ones."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def _messages() -> TypeAdapter[Message]:
    return TypeAdapter(Message)


@cache
def _causes() -> TypeAdapter[Cause]:
    return TypeAdapter(Cause)


@dataclass(frozen=True)
class TurnRequest:
    """A turn that is asked for: which bot, by which message, how it came to be, and what started it."""

    bot: RunningBot
    trigger: Message
    origin: Origin
    cause: Cause = field(default_factory=Cause)

    @property
    def ids(self) -> TurnIds:
        """The ids of what the turn posts."""
        return self.bot.ids.of(self.trigger.id, made_up=self.cause.made_up)

    async def accept(
        self, engine: Engine, *, now: datetime, delay: float = 0.0, heard_everywhere: bool = False
    ) -> bool:
        """Hand it to the engine; False if it is known. The trace of what came begins here. Raises EngineError."""
        arrival = traces.received(self.bot.name, self.origin)
        job = self.job(now=now, delay=delay, heard_everywhere=heard_everywhere, traceparent=arrival.context)
        kept = await engine.enqueue(job)
        if kept:
            arrival.keep()
        return kept

    def job(self, *, now: datetime, delay: float = 0.0, heard_everywhere: bool = False, traceparent: str = "") -> Job:
        """Return the job that runs it, after so many seconds. Two requests by one message make the same job.

        `heard_everywhere`: see `Job`. `traceparent`: where in a trace it began.
        """
        bot, trigger, ids = self.bot, self.trigger, self.ids
        kept = {
            "version": VERSION,
            "bot": bot.name,
            "bot_user_id": bot.user_id,
            "origin": self.origin,
            "reply": ids.first_reply,
            "received_at": now.isoformat(),
        }
        payload: dict[str, Any] = {
            **kept,
            "trigger": _messages().dump_python(trigger, mode="json"),
            "cause": _causes().dump_python(self.cause, mode="json"),
        }
        if traceparent:
            payload["traceparent"] = traceparent
        who = {"id": trigger.user.id}
        payload["kept"] = {**kept, "trigger": {"id": trigger.id, "user": who}, "cause": {"kind": self.cause.kind}}
        lane = lane_of(bot.user_id, trigger.channel, trigger.parent_id)
        return Job(
            key=ids.job,
            lane=lane,
            order=order(trigger),
            payload=payload,
            delay=delay,
            scope=bot.scope,
            heard_everywhere=heard_everywhere,
        )

    def turn(self, *, now: datetime, context_messages: int | None = None) -> Turn:
        """Return the turn outside any engine, to run it here and now."""
        bot = self.bot
        return Turn(
            bot=bot.name,
            bot_user_id=bot.user_id,
            channel=self.trigger.channel,
            trigger=self.trigger,
            received_at=now,
            ids=self.ids,
            setup=bot.at(self.trigger.channel),
            origin=self.origin,
            scope=bot.scope,
            cause=self.cause,
            context_messages=context_messages,
        )


def turn_of(job: Job, bot: RunningBot, execution: Execution | None = None) -> Turn:
    """Return the turn of a job, for the bot as it is now."""
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


def order(message: Message) -> str:
    """Return a string that sorts as the channel does: by time in whole microseconds, fixed width, then by id."""
    age = message.created_at - _EPOCH
    micros = (age.days * 86_400 + age.seconds) * 1_000_000 + age.microseconds
    return f"{micros:020d}-{message.id}"


def result_of(outcome: Outcome, turn: Turn, execution: Execution, limits: Limits, timing: Timing) -> JobResult:
    """Return what the engine does with the job of a turn that ended.

    A turn that failed without a word in the channel is tried again within the definition's horizon, if that may help.
    Every other failure is a dead letter, for a person to look at.
    """
    match outcome:
        case Replied():
            return Done("replied")
        case Silent(reason):
            return Done(f"silent: {reason}")
        case HandedOff(reason):
            return Done(f"handed off: {reason}")
        case Failed(error, told=told, retryable=retryable):
            overdue = timing.now() - turn.trigger.created_at > turn.definition.catch_up.horizon
            if told or not retryable or overdue:
                return DeadLetter(error)
            return Retry(patience(execution.attempt, limits, timing), error)


def patience(attempt: int, limits: Limits, timing: Timing) -> float:
    """Seconds before the try after this one: each failure doubles them, with jitter."""
    seconds = min(limits.first_retry * 2.0 ** min(attempt - 1, 20), limits.last_retry)
    return seconds * timing.uniform(0.8, 1.2)
