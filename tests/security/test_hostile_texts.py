"""A customer writes what is made to be expensive, and another person is answered as ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.person import person
from tests.support.process import Process
from tests.support.sandbox import start_sandbox

LENGTH = 4_990
SECONDS = 1.0
"""Of the processor, for one hostile message and all that comes of it. They took up to 42."""


def filled(beginning: str, pump: str, end: str = "") -> str:
    room = LENGTH - len(beginning) - len(end)
    return beginning + (pump * (room // len(pump) + 1))[:room] + end


HOSTILE = [
    filled("/poll", " ", "x"),
    filled("<", " ", "x"),
    filled("how long is it, and also", " ", "x"),
    filled("", "_-"),
    filled("", ".@"),
    filled("a", "\n", "b"),
    filled("", "|a"),
    filled("thanks ", "ben "),
    filled("i'm ", "so "),
    filled("", "don't want to talk to a "),
    filled("", "[a]("),
    filled("", "A-7, "),
]


@pytest.mark.parametrize(
    ("bot", "hostile", "question", "words"),
    [
        ("support_bot", "messaging:support-eve", "How long is the warranty?", "three years"),
        ("concierge_bot", "messaging:lobby-eve", "How do I book the laser cutter?", ""),
    ],
)
async def test_a_hostile_text_costs_little_and_others_are_answered(
    bot: str, hostile: str, question: str, words: str, environment: dict[str, str], tmp_path: Path
) -> None:
    async with start_sandbox() as sandbox:
        stream = (sandbox.url, sandbox.api_key, sandbox.api_secret)
        names = dict(zip(("STREAM_BASE_URL", "STREAM_API_KEY", "STREAM_API_SECRET"), stream, strict=True))
        with (tmp_path / "log").open("w") as log:
            running = await asyncio.to_thread(
                Process.start, ["run", bot], ready="ready", environment={**environment, **names}, log=log
            )
        try:
            where = hostile.replace("eve", "bob")
            async with (
                person(*stream, user_id="eve", channel=hostile) as eve,
                person(*stream, user_id="bob", channel=where) as bob,
            ):
                await bob.reply(await bob.say(question))
                before = running.cpu_seconds()
                for text in HOSTILE:
                    await eve.say(text)
                said = await bob.reply(await bob.say(question))
                assert words in said["text"]
                # What waits in one conversation is answered in order: all before it is done.
                await eve.reply(await eve.say(question))
                assert running.cpu_seconds() - before < SECONDS * len(HOSTILE)
        finally:
            running.kill()
