"""A turn as plain data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from framework.definition.model import BotDefinition
from framework.engine.port import Job
from framework.runtime.core.bot import RunningBot
from framework.runtime.core.job import TurnRequest, order, turn_of
from framework.runtime.core.turn import Cause
from framework.stream.model import Attachment, ChannelRef, Message, User
from framework.testing.memory.memory_chat import MemoryChat
from framework.testing.memory.memory_service import MemoryChatService
from tests.support.agent import ScriptedAgent

T0 = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def message(id_: str = "m1", created_at: datetime = T0) -> Message:
    return Message(
        id=id_,
        channel=ChannelRef("messaging", "support-1"),
        user=User("ann", "Ann"),
        text="Hi 👋",
        created_at=created_at,
        parent_id="p1",
        attachments=(Attachment("image", "a.png"),),
        mentioned=("agent-bot",),
        custom={"nested": {"a": [1, None]}},
    )


def bot() -> RunningBot:
    chat = MemoryChatService(MemoryChat(lambda: T0), User("agent-bot", is_bot=True))
    return RunningBot("support_bot", BotDefinition(), chat, ScriptedAgent())


def test_a_turn_survives_being_written_down() -> None:
    request = TurnRequest(bot(), message(), "catch_up", Cause("schedule", made_up=True, do="Sum it up."))
    job = request.job(now=T0, delay=1.5)
    assert (job.delay, job.scope) == (1.5, "agent-bot@memory")
    copy = Job(job.key, job.lane, job.order, json.loads(json.dumps(job.payload)), scope=job.scope)
    assert turn_of(copy, bot()) == request.turn(now=T0)


def test_lanes_are_a_bot_s_channel_and_its_threads() -> None:
    assert TurnRequest(bot(), message(), "live").job(now=T0).lane == "agent-bot|messaging:support-1|p1"


def test_order_is_the_channel_s_and_does_not_depend_on_the_id() -> None:
    early, late = message("zzz", T0), message("aaa", T0 + timedelta(microseconds=1))
    assert order(early) < order(late)
    assert order(message("a", T0)) < order(message("b", T0))


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_order_sorts_as_time_does(first: datetime, second: datetime) -> None:
    if first.year >= 1970 and second.year >= 1970 and first != second:
        assert (order(message("m", first)) < order(message("m", second))) == (first < second)
