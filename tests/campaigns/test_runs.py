"""Runs against the real sandbox: each person gets the message once, whatever dies, and nobody who said STOP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from framework.campaigns.ledger import LEASE
from framework.errors import DefinitionError, FrameworkError
from framework.insight.meters import count_with
from framework.insight.metrics import Metrics
from tests.support.campaigns import Market, dying, open_market
from tests.support.postgres import Postgres
from tests.support.steps import ProcessGoneError

NEWS = "audience: {filter: {customer: true}}\ntext: 'Hello {{ receiver.name }}!'\n"
POINTS = ("claimed", "created", "narrowed", "started")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


def crowd(count: int) -> list[dict[str, str]]:
    return [{"id": f"p{number:03}"} for number in range(count)]


async def test_everybody_gets_it_once_whatever_dies_on_the_way(tmp_path: Path, url: str) -> None:
    async with open_market(tmp_path, {"news": NEWS + "throttle: 10 per 1s\n"}, url=url) as market:
        await market.people(crowd(40))
        first = market.process()
        run, new = await first.start(first.file("news"))
        assert new
        for point in POINTS:
            with pytest.raises(ProcessGoneError):
                await until_dead(market, run.id, point)
            market.ahead += LEASE * 2
        run = await market.to_end(market.process("last"), run)
        assert (run.state, run.reason) == ("completed", "")
        assert market.got() == {f"p{number:03}": 1 for number in range(40)}
        assert market.texts()["p007"] == "Hello P007!"


async def until_dead(market: Market, run_id: str, point: str) -> None:
    sender = dying(market.process(point), point)
    while True:
        await sender.advance(run_id)
        await asyncio.sleep(0.02)


async def test_a_run_is_started_once_by_many_processes(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}) as market:
        await market.people(crowd(5))
        processes = [market.process(str(number)) for number in range(4)]
        runs = await asyncio.gather(*(one.start(one.file("news")) for one in processes))
        assert len({run.id for run, _ in runs}) == 1
        await asyncio.gather(*(market.to_end(one, runs[0][0]) for one in processes))
        assert set(market.got().values()) == {1}


async def test_it_is_running_stops_in_the_middle_and_goes_on(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}, rate=20) as market:
        await market.people(crowd(60))
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        while not 0 < sum(market.got().values()) < 60:
            run = await campaigns.sender.advance(run.id)
            await asyncio.sleep(0.01)
        assert (run.state, [part.state for part in await campaigns.ledger.parts(run.id)]) == ("running", ["running"])
        stopped = await campaigns.stop(run)
        so_far = dict(market.got())
        assert stopped.state == "stopped"
        assert len(so_far) < 60
        await market.says("p059", "stop!")
        await asyncio.sleep(0.3)
        assert dict(market.got()) == so_far
        resumed, new = await campaigns.start(campaigns.file("news"))
        assert (resumed.id, new) == (run.id, False)
        assert (await market.to_end(campaigns, resumed)).state == "completed"
        assert market.got() == {f"p{number:03}": 1 for number in range(59)}


async def test_who_says_stop_gets_nothing_more(tmp_path: Path) -> None:
    files = {"news": NEWS + "throttle: 10 per 4s\nopt_out: {field: no_news, words: [no más]}\n", "more": NEWS}
    async with open_market(tmp_path, files) as market:
        await market.people(crowd(20))
        await market.says("p003", "STOP")
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        await campaigns.sender.advance(run.id)
        later = sorted({f"p{number:03}" for number in range(20)} - set(market.got()) - {"p003"})[-3:]
        await market.says(later[0], "  Stop. ")
        await market.says(later[1], "NO MÁS!")
        await market.sdk.update_user_partial({"id": later[2], "set": {"no_news": True}})
        await market.says("p000", "stop at the corner shop on your way")
        await market.to_end(campaigns, run)
        run, _ = await campaigns.start(campaigns.file("more"))
        await market.to_end(campaigns, run)
        got = market.got()
        assert {name: got[name] for name in ("p003", *later)} == {"p003": 0, later[0]: 0, later[1]: 0, later[2]: 1}
        assert got["p000"] == 2


async def test_two_campaigns_that_want_the_same_person_share_what_they_may_send(tmp_path: Path) -> None:
    files = dict.fromkeys(("one", "two"), NEWS + "at_most: 1 per 7d\n")
    async with open_market(tmp_path, files) as market:
        await market.people(crowd(12))
        processes = {name: market.process(name) for name in files}
        started = [await one.start(one.file(name)) for name, one in processes.items()]
        pairs = zip(processes.values(), started, strict=True)
        await asyncio.gather(*(market.to_end(one, run) for one, (run, _) in pairs))
        assert market.got() == {f"p{number:03}": 1 for number in range(12)}
        market.ahead += LEASE * 2
        with pytest.raises(DefinitionError, match="goes to nobody"):
            await processes["two"].start(processes["two"].file("two"), again=True)


async def test_an_edited_file_changes_nothing_of_what_runs(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}, rate=10) as market:
        await market.people(crowd(30))
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        while not sum(market.got().values()):
            await campaigns.sender.advance(run.id)
            await asyncio.sleep(0.01)
        await campaigns.stop(run)
        half = set(market.got())
        (market.bot.folder / "campaigns" / "news.yaml").write_text(NEWS.replace("Hello", "Good day"))
        with pytest.raises(DefinitionError, match="edited since its run began"):
            await campaigns.start(campaigns.file("news"))
        again, new = await campaigns.start(campaigns.file("news"), again=True)
        assert new
        await market.to_end(campaigns, again)
        assert set(market.got().values()) == {1}
        texts = market.texts()
        assert all(text.startswith("Hello" if user in half else "Good day") for user, text in texts.items())
        assert len(texts) == 30


async def test_what_was_sent_is_not_sent_again(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}) as market:
        await market.people(crowd(3))
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        await market.to_end(campaigns, run)
        with pytest.raises(FrameworkError, match="was sent already"):
            await campaigns.start(campaigns.file("news"))
        await market.people([{"id": "late"}])
        run, _ = await campaigns.start(campaigns.file("news"), again=True)
        await market.to_end(campaigns, run)
        assert market.got() == {"p000": 1, "p001": 1, "p002": 1, "late": 1}


async def test_a_part_that_somebody_else_has_is_a_failure(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}) as market:
        await market.people(crowd(2))
        await market.sdk.create_campaign(
            "news", {"sender_id": "ann", "message_template": {"text": "mine"}, "user_ids": ["ann"]}
        )
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        run = await market.to_end(campaigns, run)
        assert run.state == "failed"
        assert "another campaign with the id news" in run.reason
        assert not market.got()


async def test_a_part_that_reaches_nobody_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS + "throttle: 1 per 1s\n"}) as market:
        await market.people(crowd(2))
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        await market.sdk.deactivate_user("p000")
        await market.sdk.deactivate_user("p001")
        run = await market.to_end(campaigns, run)
        assert run.state == "failed"
        assert "sent to nobody: none of its 1 people" in run.reason


async def test_a_stop_that_comes_too_late_leaves_it_completed(tmp_path: Path) -> None:
    async with open_market(tmp_path, {"news": NEWS}) as market:
        await market.people(crowd(3))
        campaigns = market.process()
        run, _ = await campaigns.start(campaigns.file("news"))
        await campaigns.sender.advance(run.id)
        while len(market.got()) < 3:
            await asyncio.sleep(0.01)
        while (seen := await market.chat.get("news")) is None or seen.status != "completed":
            await asyncio.sleep(0.01)
        assert (await campaigns.stop(run)).state == "completed"


async def test_what_became_of_a_run_is_counted(tmp_path: Path) -> None:
    metrics = Metrics()
    count_with(metrics)
    try:
        async with open_market(tmp_path, {"news": NEWS}) as market:
            await market.people(crowd(5))
            campaigns = market.process()
            run, _ = await campaigns.start(campaigns.file("news"))
            await market.to_end(campaigns, run)
            await campaigns.ledger.settle(run.id, 1, "failed", people="failed")  # it ended before: not counted again
    finally:
        count_with(None)
    told = metrics.text().decode()
    bot = market.bot.name
    assert f'agents_campaign_messages_total{{bot="{bot}",outcome="sent"}} 5.0' in told
    assert f'agents_campaign_parts_total{{bot="{bot}",outcome="completed"}} 1.0' in told
    assert f'agents_campaign_runs_total{{bot="{bot}",outcome="completed"}} 1.0' in told
    assert 'outcome="failed"} 0.0' in told
