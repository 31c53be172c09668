"""A bot of the test's own, with conversation tests of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from framework.definition.loader import load_bot
from framework.settings import Settings
from framework.testing.outcome import TestResult
from framework.testing.playing import play
from framework.testing.scenario import load_test

BOT = """
identity: {user_id: tiny-bot, name: Tiny}
channels: ["messaging:support-*"]
model: embedded
prompt: support.md.j2
variables: {company: Tiny, product: lamps, team_hours: never}
phrases: {greeting: Hello there!}
"""

Play = Callable[[str], TestResult]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data", openai_api_key=None)


@pytest.fixture
def play_it(tmp_path: Path, settings: Settings) -> Play:
    """Play a conversation test, given as YAML; a line `bot:` with more keys of the bot's definition may come first."""
    folder = tmp_path / "tiny"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "warranty.md").write_text("# Warranty\n\nLamps have a warranty of three years.\n")

    def run(text: str, more: str = "") -> TestResult:
        (folder / "bot.yaml").write_text(BOT + more)
        file = tmp_path / "test.yaml"
        file.write_text(text)
        return play(load_test(file), load_bot(str(folder)), settings)

    return run
