"""Campaigns: the plan for 10,000 people, the same sent by processes that are killed ten times, and quiet hours of 12
zones over the nights in which clocks change. Run `python -m tests.benchmarks.campaigns`.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from framework.campaigns.person import Addressee
from framework.campaigns.plan import make_plan
from tests.support.campaigns import Market, bot_folder, open_market
from tests.support.sandbox import API_KEY, API_SECRET

PEOPLE = 10_000
KILLS = 10
LANGUAGES = ("en", "de", "fr")
ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Tokyo",
    "Asia/Kolkata", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia", "Africa/Cairo",
)  # fmt: skip
NEWS = """
audience: {filter: {customer: true}}
text:
  en: "Hello {{ receiver.name }}!{% if receiver.plan == 'basket' %} Your basket comes on Friday.{% endif %}"
  de: "Hallo {{ receiver.name }}!{% if receiver.plan == 'basket' %} Ihr Korb kommt am Freitag.{% endif %}"
  fr: "Bonjour {{ receiver.name }} !"
holdout: 2%
at_most: 1 per 7d
"""
NIGHT = """
audience: {filter: {customer: true}}
text: Hello
quiet_hours: 21:00-8:00
"""
CHANGES = tuple(
    datetime.fromisoformat(f"2026-{day}T00:00+00:00") for day in ("03-08", "03-29", "04-05", "10-25", "11-01")
)
"""Days on which clocks change somewhere."""


async def plans(market: Market) -> None:
    """Seconds of a plan, beside those of asking for the same people alone."""
    campaigns = market.process()
    file = campaigns.file("news")
    began = time.perf_counter()
    count = sum([len(page) async for page in market.chat.users({"customer": True})])
    bare = time.perf_counter() - began
    began = time.perf_counter()
    plan = await campaigns.plan(file)
    whole = time.perf_counter() - began
    print(
        f"plan for {count:,} people: {whole:.2f} s, of which {bare:.2f} s are the chat service's (limit 5 s); "
        f"{len(plan.recipients):,} get it, {len(plan.parts)} parts, load {os.getloadavg()[0]:.1f}"
    )


async def kills(market: Market) -> None:
    """Send it by processes that are killed, and count what each person got."""
    campaigns = market.process()
    run, _ = await campaigns.start(campaigns.file("news"))
    wanted = {one for part in await campaigns.ledger.parts(run.id) for one in await planned(campaigns, run.id, part)}
    environment = {
        **os.environ,
        "STREAM_API_KEY": API_KEY,
        "STREAM_API_SECRET": API_SECRET,
        "STREAM_BASE_URL": market.running.url,
        "DATABASE_URL": market.url,
        "FRAMEWORK_DATA": str(market.settings.data),
    }
    chance = random.Random(2026)
    killed, began = 0, time.perf_counter()
    while True:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "framework", "campaign", "watch", "news", "--bot", str(market.bot.folder)),
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        sent = sum(market.got().values())
        enough = sent + chance.randint(1, PEOPLE // KILLS)
        while process.returncode is None and killed < KILLS and sum(market.got().values()) < enough:
            await asyncio.sleep(0.01)
        if process.returncode is None and killed < KILLS:
            process.kill()
            killed += 1
            market.ahead += timedelta(seconds=20)
        await process.wait()
        if (await campaigns.ledger.run(run.id)).state != "running":
            break
    seconds = time.perf_counter() - began
    got = market.got()
    doubled = sum(1 for count in got.values() if count > 1)
    missing, strangers = len(wanted - set(got)), len(set(got) - wanted)
    print(
        f"campaign to {len(wanted):,} people, {killed} times kill -9: {doubled} doubled, {missing} missing, "
        f"{strangers} to others, {seconds:.0f} s (the sandbox alone: {len(wanted) / 1_000:.0f} s at 1,000 a second), "
        f"load {os.getloadavg()[0]:.1f}"
    )


async def planned(campaigns: object, run: str, part: object) -> tuple[str, ...]:
    """Whom a part goes to."""
    ledger = campaigns.ledger  # type: ignore[attr-defined]  # of BotCampaigns
    number = part.number  # type: ignore[attr-defined]  # of RunPart
    return (*await ledger.planned(run, number), *await ledger.claimed(run, number))


def nights(folder: Path) -> None:
    """Plan at each quarter of an hour of the days around each change of clocks, and count what falls into the night."""
    from framework.campaigns.files import read_campaign

    file = read_campaign(bot_folder(folder, {"night": NIGHT}), "night")
    people = [Addressee(zone, {"id": zone, "timezone": zone}) for zone in ZONES]
    at_night, messages, latest = 0, 0, timedelta()
    for change in CHANGES:
        for quarter in range(-2 * 96, 2 * 96):
            start = change + quarter * timedelta(minutes=15)
            plan = make_plan(file, people, (), start=start, wall=None, screen=lambda text: text, barred={})
            for one in plan.recipients:
                clock = one.due.astimezone(ZoneInfo(one.id))
                at_night += clock.hour >= 21 or clock.hour < 8
                latest = max(latest, one.due - start)
                messages += 1
    told = f"{len(ZONES)} zones over {len(CHANGES)} changes of clocks"
    print(f"{told}: {at_night} of {messages:,} messages in quiet hours (limit 0); the longest wait is {latest}")


async def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nights(folder / "nights")
        async with open_market(folder, {"news": NEWS}, rate=1_000) as market:
            chance = random.Random(1)
            await market.people(
                {
                    "id": f"p{number:05}",
                    "language": chance.choice(LANGUAGES),
                    "timezone": chance.choice(ZONES),
                    "plan": chance.choice(("basket", "none")),
                }
                for number in range(PEOPLE)
            )
            await plans(market)
            await kills(market)
            print(f"messages by person: {dict(Counter(market.got().values()))}")


if __name__ == "__main__":
    asyncio.run(main())
