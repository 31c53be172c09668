"""Promises on three replicas that are killed around the moment when they are due: each kept once, none that was taken
back.

Run `python -m tests.benchmarks.promises`. It takes about four minutes. Changes of clocks are tested in virtual time
(`bots/outreach_bot/conversations/promise_*.yaml`).
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tests.chaos.app import App
from tests.support.replicas import Replica, Sandbox

CHANNELS = 30
EACH = 10
KILLS = 6
MINUTES = 2
"""How long after it was asked for a promise is due. A promise is handed to the engine a minute ahead."""
PATIENCE = 60.0
BOT = """
description: Keeps promises.
identity: {user_id: agent-bot, name: Keeper}
channels: {join: ["messaging:support-*"]}
promises: {enabled: true}
budget: {user_minute: 1000, user_at_once: 100}
model: embedded
prompt: prompt.md.j2
"""
LIMIT = "each kept once, those that were taken back not at all"


async def measure(folder: Path) -> dict[str, Any]:
    """Ask for promises, take some back, kill, and count what the channels have."""
    bot = folder / "keeper_bot"
    bot.mkdir()
    (bot / "bot.yaml").write_text(BOT)
    (bot / "prompt.md.j2").write_text("You are {{ bot_name }}.")
    sandbox, database = Sandbox(folder), f"sqlite:///{folder / 'jobs.sqlite'}"
    replicas = [
        Replica(
            f"r{n}",
            bot,
            folder,
            sandbox=sandbox,
            model="http://127.0.0.1:9",
            database=database,
            environment={"OPENAI_API_KEY": "", "FRAMEWORK_ADMIN": "off"},
        )
        for n in range(3)
    ]
    try:
        sandbox.start()
        await sandbox.until_ready()
        async with aiohttp.ClientSession() as session:
            app = App(sandbox, session)
            channels = [f"support-{n:02}" for n in range(CHANNELS)]
            await app.prepare(channels)
            people = {f"customer-{n:02}": {"id": f"customer-{n:02}"} for n in range(CHANNELS)}
            await app.call("POST", "/users", {"users": people})
            for one in replicas:
                one.start()
            await asyncio.gather(*(one.until_ready() for one in replicas))
            begun = time.time()
            void = await _ask(app, channels)
            asked = time.time()
            await _kill(replicas, begun + 60 * MINUTES - 30, asked + 60 * MINUTES)
            await asyncio.sleep(max(0.0, asked + 60 * MINUTES + PATIENCE - time.time()))
            return await _counted(app, channels, void)
    finally:
        for program in (*replicas, sandbox):
            program.kill()


async def _ask(app: App, channels: Sequence[str]) -> set[str]:
    """Every person asks for promises, and deletes each fifth of the messages. Returns the words of those."""
    void: set[str] = set()
    for number in range(EACH):
        await asyncio.gather(*(_ask_once(app, place, channel, number) for place, channel in enumerate(channels)))
        await asyncio.sleep(0.5)
    await asyncio.sleep(5)
    for place, channel in enumerate(channels):
        for number in range(EACH):
            if (place * EACH + number) % 5 == 0:
                void.add(_word(channel, number))
                await app.call("DELETE", f"/messages/{_id(channel, number)}", {})
    return void


async def _ask_once(app: App, place: int, channel: str, number: int) -> None:
    text = f"Remind me in {MINUTES} minutes about {_word(channel, number)}"
    message = {"id": _id(channel, number), "text": text, "user_id": f"customer-{place:02}"}
    await app.call("POST", f"/channels/messaging/{channel}/message", {"message": message})


async def _kill(replicas: Sequence[Replica], begin: float, end: float) -> None:
    """Kill replicas while promises are due, one after the other, and start each again."""
    chance = random.Random(7)
    for at in sorted(chance.uniform(begin, end) for _ in range(KILLS)):
        await asyncio.sleep(max(0.0, at - time.time()))
        one = chance.choice([replica for replica in replicas if replica.running])
        one.kill()
        one.start()
        print(f"killed {one.name}", file=sys.stderr)


async def _counted(app: App, channels: Sequence[str], void: set[str]) -> dict[str, Any]:
    kept: Counter[str] = Counter()
    for messages in (await app.messages(channels)).values():
        for message in messages:
            if message["user"]["id"] == "agent-bot" and message["text"].startswith("You asked me to remind you"):
                kept[message["text"].split("about ")[1].split("”")[0]] += 1
    wanted = {_word(channel, number) for channel in channels for number in range(EACH)} - void
    return {
        "promises": CHANNELS * EACH,
        "taken back": len(void),
        "kept once": sum(1 for word in wanted if kept[word] == 1),
        "wanted": len(wanted),
        "doubled": sum(1 for count in kept.values() if count > 1),
        "kept although taken back": sum(1 for word in void if kept[word]),
        "kills": KILLS,
        "load": os.getloadavg()[0],
    }


def _word(channel: str, number: int) -> str:
    return f"thing-{channel}-{number}"


def _id(channel: str, number: int) -> str:
    return f"ask-{channel}-{number}"


def main() -> None:
    """Print the figures beside their limit; end with 1 if one is over it."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder)))
    print(f"{found}\nlimit: {LIMIT}")
    if found["kept once"] != found["wanted"] or found["doubled"] or found["kept although taken back"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
