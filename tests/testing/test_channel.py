"""A bot in a test that is written in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from framework import AgentEvent, ChannelView, Decision, Finished, HandOver, Say, Settings, Skip, Turn, UsageError
from framework.testing import TestChannel

BOT = """
identity: {user_id: tiny-bot, name: Tiny}
channels: ["messaging:support-*"]
model: embedded
prompt: support.md.j2
variables: {company: Tiny, product: lamps, team_hours: never}
phrases: {greeting: Hello there!}
"""


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "warranty.md").write_text("# Warranty\n\nLamps have a warranty of three years.\n")
    (folder / "bot.yaml").write_text(BOT)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data", openai_api_key=None)


def test_what_the_bot_says_is_told_step_by_step(bot: Path, settings: Settings) -> None:
    with TestChannel(bot, settings) as channel:
        seen = channel.say("How long is the warranty of lamps?")
        assert "three years" in seen.text
        assert len(seen.messages) == 1
        assert seen.tools == ["search_knowledge"]
        channel.say("hello", expect={"text": "Hello there!"}, wait="30m")
        assert channel.step(wait="1h").text == ""
        assert "three years" in channel.transcript


def test_an_expectation_that_is_not_met_shows_the_conversation(bot: Path, settings: Settings) -> None:
    with (
        TestChannel(bot, settings, people={"ada": {"name": "Ada"}}) as channel,
        pytest.raises(AssertionError, match=r"(?s)expected 'basil'.*Ada: hello.*Tiny: Hello there!"),
    ):
        channel.step(sender="ada", say="hello", expect={"text": "basil"})


async def rude(turn: Turn, view: ChannelView) -> Decision | None:
    words = turn.trigger.text.casefold()
    if "quiet" in words:
        return Skip("somebody wants quiet")
    if "person" in words:
        return HandOver("a person was asked for")
    if "history" in words:
        return Say(f"{len(await view.history())} messages")
    return None


async def signed(turn: Turn, event: AgentEvent) -> AgentEvent:
    from dataclasses import replace

    if isinstance(event, Finished):
        return Finished(replace(event.answer, text=f"{event.answer.text} -- {turn.bot}"))
    return event


def test_rules_and_observers_are_part_of_the_pipeline(bot: Path, settings: Settings) -> None:
    with TestChannel(bot, settings, rules=[rude], observers=[signed]) as channel:
        assert channel.say("be quiet").reasons == ["somebody wants quiet"]
        assert channel.say("history").text == "2 messages"
        assert channel.say("hello").text == "Hello there! -- tiny"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({}, "nothing happens in this step"),
        ({"user": "a", "wait": "soon"}, "wait: "),
        ({"user": "a", "colour": "red"}, "colour: "),
    ],
)
def test_a_wrong_step_is_told(bot: Path, settings: Settings, step: dict[str, Any], said: str) -> None:
    with TestChannel(bot, settings) as channel, pytest.raises(UsageError, match=said):
        channel.step(**step)


def test_a_wrong_opening_is_told(bot: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="channel: 'here' is not TYPE:ID"):
        TestChannel(bot, settings, channel="here")


async def test_it_does_not_run_inside_a_loop(bot: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="event loop of its own"), TestChannel(bot, settings):
        pass


def test_a_function_that_is_not_async_is_no_rule(bot: Path, settings: Settings) -> None:
    def sync(turn: Turn, view: ChannelView) -> None: ...

    with pytest.raises(UsageError, match="The rule sync is not an async function") as refused:
        TestChannel(bot, settings, rules=[sync])  # type: ignore[list-item]  # the mistake
    assert f"{__file__}:" in str(refused.value)
