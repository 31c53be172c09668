"""The bots of this repository master their conversations: each file is played on the production pipeline."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.definition.model import Bot
from framework.settings import Settings
from framework.testing.outcome import TestResult
from framework.testing.playing import play
from framework.testing.report import transcript_line
from framework.testing.scenario import load_test
from tests.support.indexed import data_folder

BOTS = ("support_bot", "moderator_bot", "concierge_bot", "digest_bot")
FILES = [file for bot in BOTS for file in sorted(Path("bots", bot, "conversations").glob("*.yaml"))]


@cache
def bot_of(name: str) -> Bot:
    return load_bot(name)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    # One folder for all of them: the articles are indexed once.
    return Settings(_env_file=None, data=data_folder(tmp_path_factory.mktemp("data")), openai_api_key=None)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[1]}-{file.stem}")
def test_conversation(file: Path, settings: Settings) -> None:
    result = play(load_test(file), bot_of(file.parts[1]), settings)
    assert result.verdict == "passed", told(result)


@pytest.mark.parametrize("bot", BOTS)
def test_each_bot_has_ten_conversations_and_more_with_names_of_their_own(bot: str) -> None:
    names = [load_test(file).name for file in FILES if file.parts[1] == bot]
    assert len(names) >= 10
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("bot", [bot for bot in BOTS if bot != "support_bot"])
def test_each_bot_has_eight_articles_and_more(bot: str) -> None:
    assert len(bot_of(bot).knowledge_files) >= 8


def test_the_bots_can_run_together() -> None:
    """One process takes them all: every bot has a user and channels of its own."""
    definitions = [bot_of(bot).definition for bot in BOTS]
    users = [definition.identity.user_id for definition in definitions]
    assert users == ["agent-bot", "moderator-bot", "concierge-bot", "digest-bot"]
    joined = [pattern for definition in definitions for pattern in definition.channels.join]
    assert len(set(joined)) == len(joined)


@pytest.mark.parametrize("bot", BOTS)
def test_an_editor_finds_the_schema(bot: str) -> None:
    first = Path("bots", bot, "bot.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../bot.schema.json"


def told(result: TestResult) -> str:
    """What happened, and what was expected."""
    happened = [transcript_line(line) for line in result.lines]
    return "\n".join([result.reason, *happened, *(f"{one.where}: {one.what}" for one in result.failures)])
