"""Schedules on three replicas that are killed: ticks of messages, tools and campaigns, each exactly once.

Run `python -m tests.benchmarks.schedules`. It takes about four minutes, as a schedule comes once a minute at most.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from framework.campaigns.sender import FIELD
from tests.chaos.app import App
from tests.support.replicas import Replica, Sandbox

CHANNELS = 25
PEOPLE = 25
TICKS = 2
KILLS = 9
FIRST_LOOK = 35.0
"""Seconds after the start, by which all processes have looked at their schedules."""
BOT = """
description: Says the time.
identity: {user_id: agent-bot, name: Clock}
channels: {join: ["messaging:clock-*"]}
triggers:
  - schedule: {name: says, every: 1m, say: Tick.}
  - schedule: {name: runs, every: 1m, run: {tool: note, arguments: {entry: tick}}}
  - schedule: {name: sends, every: 1m, run: {campaign: news}}
model: embedded
tools: [note]
prompt: prompt.md.j2
"""
CAMPAIGN = """
audience: {filter: {customer: true}}
channel: {id: "news-{{ receiver.id }}"}
text: News.
"""
TOOL = Path(__file__).parents[1] / "chaos" / "bot" / "tools.py"
LIMIT = "each once; a tool whose process died in it is told as uncertain and not repeated"


async def measure(folder: Path) -> dict[str, Any]:
    """Run, kill, and count what the channels and the tool's file have of each whole minute."""
    bot = folder / "clock_bot"
    bot.mkdir()
    (bot / "bot.yaml").write_text(BOT)
    (bot / "campaigns").mkdir()
    (bot / "campaigns" / "news.yaml").write_text(CAMPAIGN)
    (bot / "prompt.md.j2").write_text("You are {{ bot_name }}.")
    (bot / "tools.py").write_text(TOOL.read_text(encoding="utf-8"))
    effects, sandbox = folder / "effects", Sandbox(folder)
    effects.touch()
    environment = {"CHAOS_EFFECTS": str(effects), "OPENAI_API_KEY": ""}
    database = f"sqlite:///{folder / 'jobs.sqlite'}"
    replicas = [
        Replica(
            f"r{n}",
            bot,
            folder,
            sandbox=sandbox,
            model="http://127.0.0.1:9",
            database=database,
            environment=environment,
        )
        for n in range(3)
    ]
    try:
        sandbox.start()
        await sandbox.until_ready()
        async with aiohttp.ClientSession() as session:
            app = App(sandbox, session)
            channels = [f"clock-{n}" for n in range(CHANNELS)]
            await app.prepare(channels)
            people = [f"customer-{n}" for n in range(PEOPLE)]
            await app.call("POST", "/users", {"users": {one: {"id": one, "customer": True} for one in people}})
            for one in replicas:
                one.start()
            await asyncio.gather(*(one.until_ready() for one in replicas))
            # A new schedule begins with the first look at it, which comes some seconds after the start.
            first = ((time.time() + FIRST_LOOK) // 60 + 1) * 60
            minutes = [first + 60 * n for n in range(TICKS)]
            await _kill(replicas, minutes)
            await asyncio.sleep(max(0.0, minutes[-1] + 50 - time.time()))
            done = await asyncio.to_thread(effects.read_text, encoding="utf-8")
            return {**await _counted(app, channels, minutes, done), **await _sent(app, people)}
    finally:
        for program in (*replicas, sandbox):
            program.kill()


async def _kill(replicas: Sequence[Replica], minutes: Sequence[float]) -> None:
    """Kill replicas around each tick, one after the other, and start each again."""
    chance = random.Random(7)
    each = KILLS // len(minutes) + 1
    for minute in minutes:
        for at in sorted(chance.uniform(minute - 3, minute + 12) for _ in range(each)):
            await asyncio.sleep(max(0.0, at - time.time()))
            one = chance.choice([replica for replica in replicas if replica.running])
            one.kill()
            one.start()
            print(f"killed {one.name} at {datetime.now(UTC):%H:%M:%S}", file=sys.stderr)


async def _counted(app: App, channels: Sequence[str], minutes: Sequence[float], effects: str) -> dict[str, Any]:
    wanted = {datetime.fromtimestamp(minute, UTC).isoformat(timespec="minutes") for minute in minutes}
    posts: Counter[tuple[str, str, str]] = Counter()
    uncertain = 0
    for channel in channels:
        state = await app.call(
            "POST", f"/channels/messaging/{channel}/query", {"messages": {"limit": 100}, "state": True}
        )
        for message in state["messages"]:
            _, schedule, rest = str(message.get("reply_to", "::")).split(":", 2)
            tick = rest.removeprefix(f"messaging:{channel}:")
            if tick in wanted and message.get("user", {}).get("id") == "agent-bot":
                posts[schedule, channel, tick] += 1
                uncertain += schedule == "runs" and "noted" not in message["text"]
    runs = Counter(line.split("\t")[0] for line in effects.splitlines())
    expected = len(channels) * len(wanted)
    return {
        "messages": sum(1 for (name, *_), count in posts.items() if name == "says" and count == 1),
        "tools": sum(1 for (name, *_), count in posts.items() if name == "runs" and count == 1),
        "expected of each": expected,
        "doubled messages": sum(1 for count in posts.values() if count > 1),
        "doubled tool runs": sum(1 for count in runs.values() if count > 1),
        "told as uncertain": uncertain,
        "load": os.getloadavg()[0],
    }


async def _sent(app: App, people: Sequence[str]) -> dict[str, Any]:
    """Count what each person got of each run of the campaign: one message.

    The minute before the first that is looked at may have had a run, too: replicas were starting then.
    """
    found = await app.messages([f"news-{one}" for one in people])
    got = Counter((person, message[FIELD]["run"]) for person, messages in found.items() for message in messages)
    reached = Counter(run for _, run in got)
    return {
        "runs of the campaign": len(reached),
        "runs that reached everybody": sum(count == len(people) for count in reached.values()),
        "expected runs": f"{TICKS} or {TICKS + 1}",
        "doubled messages of campaigns": sum(count - 1 for count in got.values()),
    }


def main() -> None:
    """Print the figures beside their limit; end with 1 if one is over it."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder)))
    print(f"{found}\nlimit: {LIMIT}")
    complete = found["messages"] == found["tools"] == found["expected of each"]
    sent = found["runs that reached everybody"] == found["runs of the campaign"] in (TICKS, TICKS + 1)
    doubled = found["doubled messages"] or found["doubled tool runs"] or found["doubled messages of campaigns"]
    if not complete or not sent or doubled:
        sys.exit(1)


if __name__ == "__main__":
    main()
