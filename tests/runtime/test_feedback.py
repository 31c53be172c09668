"""Reactions to replies that a bot declares as feedback are kept, and taken back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.runtime.state.feedback import Feedback, FeedbackLog, MemoryFeedback, count
from framework.runtime.state.feedback_database import DatabaseFeedback
from framework.storage import Storage
from framework.stream.model import User
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import ANN, BEN, World

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(user: str = "ann", reaction: str = "like", *, after: int = 0, given: bool = True) -> Feedback:
    return Feedback("support_bot", "r-1", CID, user, reaction, NOON + timedelta(seconds=after), given)


def in_database(folder: Path, file: Path | None = None) -> DatabaseFeedback:
    return DatabaseFeedback(Storage(f"sqlite:///{folder / 'new' / 'engine.db'}"), file)


@pytest.fixture(params=["memory", "database"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> FeedbackLog:
    return MemoryFeedback() if request.param == "memory" else in_database(tmp_path)


async def test_the_last_word_of_each_person_counts(kept: FeedbackLog) -> None:
    assert await kept.entries("support_bot") == []
    for one in (entry(), entry(), entry("ben"), entry("ben", "sad", after=1), entry("ben", after=2, given=False)):
        await kept.record(one)
    await kept.record(entry("ben", after=1))  # late
    assert await count(kept, "support_bot") == {"like": 1, "sad": 1}
    assert await count(kept, "other_bot") == {}


async def test_a_person_has_one_vote_on_a_reply(kept: FeedbackLog) -> None:
    for one in (entry(), entry(reaction="sad", after=1), entry("ben")):
        await kept.record(one)
    assert await count(kept, "support_bot") == {"sad": 1, "like": 1}
    await kept.record(entry(reaction="sad", after=2, given=False))
    assert await count(kept, "support_bot") == {"like": 2}


async def test_a_person_is_forgotten(kept: FeedbackLog) -> None:
    await kept.record(entry())
    await kept.record(entry("ben"))
    assert await kept.forget("ann") == 1
    assert [one.user for one in await kept.entries("support_bot")] == ["ben"]


async def test_replicas_share_feedback(tmp_path: Path) -> None:
    await in_database(tmp_path).record(entry())
    await in_database(tmp_path).record(entry("ben"))
    assert await count(in_database(tmp_path), "support_bot") == {"like": 2}


async def test_the_file_of_earlier_releases_is_taken_over_once_and_a_line_cut_off_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "feedback.jsonl"
    lines = [json.dumps({**asdict(one), "at": one.at.isoformat()}) for one in (entry(), entry("ben"))]
    path.write_text("\n".join([lines[0], '{"bot": "support', lines[1]]) + "\n")
    for _ in range(2):  # the next start finds nothing left to take over
        log = in_database(tmp_path, path)
        await log.take_over()
        assert await count(log, "support_bot") == {"like": 2}
    assert not path.exists()
    assert (tmp_path / "feedback.unread.jsonl").read_text() == '{"bot": "support\n'


async def test_reactions_to_replies_are_recorded_and_taken_back(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    log = MemoryFeedback()
    running = Running(world, agent, timing=timing, definition={"reply": {"feedback": ["like", "sad"]}})
    running.bot.feedback = log
    async with running as bot:
        question = world.post(CID, "Hello")
        await asyncio.sleep(1)
        reply = bot.replied(question)
        world.react(reply.id, "like", user=ANN)
        world.react(reply.id, "wow", user=ANN)  # not declared
        world.react(reply.id, "like", user=User("robot", is_bot=True))
        world.react(question.id, "like", user=BEN)  # not a reply
        world.react(reply.id, "sad", user=BEN)
        await asyncio.sleep(1)
        assert await count(log, "support_bot") == {"like": 1, "sad": 1}
        (first, _) = await log.entries("support_bot")
        assert (first.user, first.reply, first.channel) == ("ann", reply.id, CID)
        assert "Hello" not in str(first)
        world.unreact(reply.id, "sad", user=BEN)
        await asyncio.sleep(1)
        assert await count(log, "support_bot") == {"like": 1}


async def test_a_reaction_that_no_event_told_of_is_found_when_the_channel_is_read_and_counts_once(
    world: World, agent: ScriptedAgent, timing: Timing
) -> None:
    world.room(CID)
    log = MemoryFeedback()

    def running() -> Running:
        one = Running(world, agent, timing=timing, definition={"reply": {"feedback": ["like", "sad"]}})
        one.bot.feedback = log
        return one

    async with running() as bot:
        question = world.post(CID, "Hello")
        await asyncio.sleep(1)
        reply = bot.replied(question)
        world.react(reply.id, "like", user=ANN)
        await asyncio.sleep(150)
        assert len(await log.entries("support_bot")) == 1
    world.react(reply.id, "sad", user=BEN)
    world.react(reply.id, "like", user=User("robot", is_bot=True))
    async with running():
        await asyncio.sleep(150)
    assert await count(log, "support_bot") == {"like": 1, "sad": 1}
