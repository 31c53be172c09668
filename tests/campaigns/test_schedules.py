"""Campaigns begun by schedules: one run for each tick, whichever process dies, and wrong ones are told at load time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from framework.campaigns.files import read_campaign
from framework.campaigns.ledger import LEASE
from framework.definition.loader import load_bot
from framework.errors import DefinitionError
from framework.runtime.core.bot import RunningBot
from framework.runtime.intake.campaigns import CampaignWork
from framework.runtime.state.pauses import Pauses, schedule_place
from framework.runtime.state.schedule_book import ScheduleBook
from framework.storage import Storage
from framework.stream.factory import open_chat_service
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.campaigns import BOT_FILE, Market, bot_folder, dying, open_market
from tests.support.steps import ProcessGoneError

NEWS = "audience: {filter: {customer: true}}\ntext: 'Hello {{ receiver.name }}!'\n"
# Half an hour away from now, so that no test comes upon a tick by itself.
MINUTE = (datetime.now(UTC).minute + 30) % 60
HOURLY = BOT_FILE + f"triggers:\n  - schedule: {{name: hourly, cron: '{MINUTE} * * * *', run: {{campaign: news}}}}\n"
HOUR = timedelta(hours=1)


class Replica:
    """A process that runs the bot of a market, as far as campaigns go."""

    def __init__(self, market: Market, name: str) -> None:
        storage = Storage(market.url)
        market.storages.append(storage)
        self.campaigns = market.process(name)
        timing = Timing(now=market.now)
        self.pauses = Pauses(storage, now=market.now, monotonic=timing.monotonic)
        service = open_chat_service(market.settings, market.bot.definition.identity)
        bot = RunningBot(
            market.bot.name,
            market.bot.definition,
            service,
            ScriptedAgent(),
            campaigns=self.campaigns,
            pauses=self.pauses,
            schedules=ScheduleBook(storage, now=market.now),
        )
        self.close = service.close
        self.work = CampaignWork(bot, timing)


async def begun(replica: Replica) -> list[str]:
    return sorted(run.occurrence for run in await replica.campaigns.ledger.runs("news"))


async def test_each_tick_is_one_run_whichever_replica_dies(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}, bot=HOURLY) as market:
        await market.people([{"id": f"p{number}"} for number in range(5)])
        replicas = [Replica(market, name) for name in ("one", "two")]
        for one in replicas:
            await one.work.look()
        assert await begun(replicas[0]) == []  # a new schedule begins with now
        for tick in (1, 2):
            market.ahead += HOUR
            # One replica begins the run and dies before a message left; the other one has the same tick.
            dead = Replica(market, f"dead {tick}")
            dead.campaigns.sender.__dict__.update(dying(dead.campaigns, "claimed").__dict__)
            with pytest.raises(ProcessGoneError):
                await dead.work.look()
            await dead.close()
            for one in replicas:
                await one.work.look()  # the dead one has the run to itself for some seconds still
            market.ahead += LEASE * 2
            for one in (*replicas, *replicas):
                await one.work.look()
            assert len(await begun(replicas[0])) == tick
            assert market.got() == {f"p{number}": tick for number in range(5)}
        for one in replicas:
            await one.close()


async def test_a_restart_runs_the_latest_missed_time_and_a_pause_none(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}, bot=HOURLY) as market:
        await market.people([{"id": "ada"}])
        before = Replica(market, "before")
        await before.work.look()
        await before.close()
        market.ahead += 3 * HOUR
        after = Replica(market, "after")
        await after.work.look()
        await after.work.look()
        assert len(await begun(after)) == 1
        await after.pauses.pause(market.bot.name, schedule_place("hourly"), "ada")
        market.ahead += HOUR
        await after.work.look()
        await after.pauses.resume(market.bot.name, schedule_place("hourly"))
        market.ahead += timedelta(minutes=2)
        await after.work.look()
        assert len(await begun(after)) == 1
        market.ahead += HOUR
        await after.work.look()
        assert len(await begun(after)) == 2
        await after.close()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("run: {campaign: newz}", ["bot.yaml:5", "'newz' is not a campaign of this bot", "Did you mean 'news'?"]),
        ("run: {campaign: ../news}", ["bot.yaml:5", "is not a campaign of this bot", "There are: news"]),
        ("run: {campaign: news, tool: add}", ["bot.yaml:5", "`tool` and `campaign` exclude each other"]),
        ("run: {}", ["bot.yaml:5", "`run` names nothing to run"]),
        ("run: {campaign: news}, do: Say it.", ["bot.yaml:5", "`do` and `run: {campaign: ...}` exclude each other"]),
        ("run: {campaign: news, arguments: {a: 1}}", ["bot.yaml:5", "only a tool has arguments"]),
    ],
)
def test_what_cannot_run_is_told_with_its_place(tmp_path: Path, run: str, words: list[str]) -> None:
    bot_folder(tmp_path, {"news": NEWS})
    (tmp_path / "bot.yaml").write_text(BOT_FILE + f"triggers:\n  - schedule: {{every: 1h, {run}}}\n")
    with pytest.raises(DefinitionError) as told:
        load_bot(str(tmp_path))
    assert all(word in str(told.value) for word in words), str(told.value)


def test_a_campaign_has_its_times_from_one_place(tmp_path: Path) -> None:
    bot = bot_folder(tmp_path, {"news": NEWS + "cron: '0 9 * * *'\n"}, HOURLY)
    with pytest.raises(DefinitionError, match=r"news\.yaml:3.*`cron` says when it is sent, and a schedule"):
        read_campaign(bot, "news")


def test_a_campaign_is_begun_by_no_override(tmp_path: Path) -> None:
    bot_folder(tmp_path, {"news": NEWS})
    block = "overrides:\n  messaging:vip:\n    triggers:\n      - schedule: {every: 1h, run: {campaign: news}}\n"
    (tmp_path / "bot.yaml").write_text(BOT_FILE + block)
    with pytest.raises(DefinitionError, match="a campaign or a digest of other channels is the bot"):
        load_bot(str(tmp_path))
