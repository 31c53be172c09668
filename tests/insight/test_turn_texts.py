"""The words of turns: kept only if asked for, erased after the time and with the person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.errors import SettingsError
from framework.insight.history_database import DatabaseHistory
from framework.insight.turn_texts import (
    KeptText,
    TurnTexts,
    begin,
    end,
    is_noting,
    note_passages,
    note_people,
    note_prompt,
)
from framework.settings import load_settings
from framework.storage import Storage
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World
from tests.support.console import LINE

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(f"sqlite:///{tmp_path / 'engine.db'}")
    yield made
    made.close()


def text(key: str = "turn-1", channel: str = CID, at: datetime = NOON) -> KeptText:
    return KeptText(key, channel, at, (("human", "Where is it?"),), ({"title": "Returns", "score": 0.9},), "Here.")


async def test_words_are_read_until_their_time_is_over_and_then_erased(storage: Storage, tmp_path: Path) -> None:
    texts = TurnTexts(storage)
    await texts.add(text(), {"ann"})
    await texts.add(text(), {"ann"})  # a turn that ran again
    assert await texts.read("turn-1", NOON - timedelta(days=7)) == text()
    assert await texts.read("turn-1", NOON + timedelta(seconds=1)) is None
    assert await texts.read("turn-2", NOON) is None
    assert await texts.prune(NOON + timedelta(seconds=1)) == 1
    assert await texts.read("turn-1", NOON) is None


async def test_a_person_is_forgotten_in_every_turn_of_the_channels_where_they_wrote(storage: Storage) -> None:
    texts, history = TurnTexts(storage), DatabaseHistory(storage)
    for key, channel, people in (
        ("of-ben-with-ann", "messaging:1", {"ben", "ann"}),
        ("of-ben-later", "messaging:1", {"ben"}),  # a summary may quote ann
        ("of-cleo", "messaging:2", {"cleo"}),
        ("of-dan", "messaging:3", {"dan"}),
    ):
        await texts.add(text(key, channel), people)
    from dataclasses import replace

    await history.add([replace(LINE, user="ann", channel="messaging:3")])  # she wrote there, long ago
    assert await texts.forget("ann") == 3
    left = [key for key in ("of-ben-later", "of-cleo", "of-dan") if await texts.read(key, NOON)]
    assert left == ["of-cleo"]


def test_nothing_is_noted_unless_it_was_begun() -> None:
    note_people(["ann"])
    note_prompt([("human", "secret")])
    assert not is_noting()
    token = begin()
    note_people(["ann"])
    note_prompt([("human", "a" * 50_000)])
    note_prompt([("system", "You help."), ("human", "a" * 50_000)])
    note_passages([{"title": "Returns"}])
    words = end(token)
    assert not is_noting()
    assert words is not None
    assert words.people == {"ann"}
    assert [(role, len(said)) for role, said in words.prompt] == [("system", 9), ("human", 20_000)]


@pytest.mark.parametrize(
    ("given", "days"), [("7d", 7.0), ("12h", 0.5), ("true", 7.0), ("false", 0.0), ("", 0.0), ("1440m", 1.0)]
)
def test_the_time_is_given_in_days_hours_or_minutes(given: str, days: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_KEEP_TEXT", given)
    assert load_settings().keep_text == days


@pytest.mark.parametrize("given", ["7", "d", "-1d", "900d", "7 days", "٣d"])
def test_another_time_is_refused_with_an_example(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_KEEP_TEXT", given)
    with pytest.raises(SettingsError, match="KEEP_TEXT"):
        load_settings()


async def test_a_turn_keeps_its_answer_and_who_was_read(tmp_path: Path) -> None:
    from framework.stream.timing import Timing
    from tests.support.waiting import until

    timing = Timing()
    world = World(timing)
    world.room(CID)
    running = Running(world, ScriptedAgent(), timing=timing)
    texts = running.bot.texts = TurnTexts(Storage.in_memory())
    async with running as bot:
        asked = world.post(CID, "Where is it?")
        await until(lambda: bot.reply_to(asked) is not None)
        await bot.engine.settled()
        kept = await texts.read(bot.bot.ids.of(asked.id).job, asked.created_at - timedelta(minutes=1))
        assert kept is not None
        assert kept.answer
        assert await texts.forget("ann") == 1
