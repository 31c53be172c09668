"""What people do in the console: take and give handovers, pause, try again; and what they find."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from framework.console.parts import ConsoleParts
from framework.engine.local import LocalEngine
from framework.engine.port import DeadLetter, Done, Execution, Job, JobResult
from framework.runtime.state.pauses import Pauses
from framework.storage import Storage
from framework.stream.model import ChannelRef
from framework.stream.timing import Timing
from tests.support.agent import ScriptedAgent
from tests.support.bots import CID, Running
from tests.support.chat import World
from tests.support.console import LINE, NOON, Browser, Stand, handed_over, served, stand
from tests.support.decisions import ROOM, Scene, scene
from tests.support.waiting import until

WHERE: Any = {"bot": "support_bot", "channel": CID}


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path) as made:
        yield made


async def test_the_queue_has_the_oldest_first_and_the_taken_ones_last(at: Stand) -> None:
    for number, minutes in ((1, 5), (2, 9), (3, 30)):
        await handed_over(at, f"messaging:support-{number}", since=NOON - timedelta(minutes=minutes))
    mo = await at.signed_in("mo")
    at.world.room("messaging:support-3")
    await mo.post("/console/handovers/take", bot="support_bot", channel="messaging:support-3")
    said = (await mo.get("/console/handovers")).said
    assert said.index("support-2") < said.index("support-1") < said.index("support-3")
    assert "waits 9 min" in said.replace("\N{NO-BREAK SPACE}", " ")


async def test_the_reason_is_told_in_the_language_of_the_team(at: Stand) -> None:
    await handed_over(at, reason="Es wurde nach einem Menschen gefragt.")
    said = (await (await at.signed_in("mo")).get("/console/handovers")).said
    assert "A person was asked for." in said
    assert "gefragt" not in said


async def test_a_handover_is_taken_given_on_and_handed_back(at: Stand) -> None:
    await handed_over(at)
    mo = await at.signed_in("mo")
    assert (await mo.post("/console/handovers/take", **WHERE)).status == 303
    state = (await at.bot.handovers.of(at.bot.scope, [CID]))[CID]
    assert state.taken is not None
    assert state.taken.user == "mo"
    assert "mo" in {member.user.id for member in await at.service.members(ChannelRef.parse(CID))}
    root = await at.signed_in("root")
    late = await root.post("/console/handovers/take", **WHERE)
    assert (late.status, "Mo has taken it" in late.said) == (409, True)
    assert (await root.post("/console/handovers/give", **WHERE, to="nobody")).status == 409
    assert (await root.post("/console/handovers/give", **WHERE, to="root")).status == 303
    state = (await at.bot.handovers.of(at.bot.scope, [CID]))[CID]
    assert (state.to, state.taken) == (("root",), None)
    assert (await root.post("/console/handovers/back", **WHERE)).status == 303
    state = (await at.bot.handovers.of(at.bot.scope, [CID]))[CID]
    assert not state.is_open
    assert state.ended is not None
    assert state.ended.user == "root"
    assert [message.user.id for message in at.world.messages(CID)] == ["agent-bot"]
    assert (await root.post("/console/handovers/back", **WHERE)).status == 409


async def test_a_paused_bot_is_silent_says_why_and_is_back_after_it(tmp_path: Path) -> None:
    pauses = Pauses(Storage.in_memory(), now=Timing().now, monotonic=_Ticking())
    world = World(Timing())
    world.room(CID)
    running = Running(world, ScriptedAgent(), timing=Timing())
    running.bot.pauses = pauses
    async with running as bot:
        await pauses.pause("support_bot", CID, "mo")
        kept = world.post(CID, "Are you there?")
        await bot.engine.settled()
        job = await until(lambda: _settled(bot, kept.id))
        assert job == "silent: paused in this channel by mo"
        await pauses.resume("support_bot", CID)
        asked = world.post(CID, "And now?")
        await until(lambda: bot.reply_to(asked) is not None)
        assert bot.reply_to(kept) is None


class _Ticking:
    """A clock on which every look is seconds after the one before: what was read is never used again."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        self.at += 10
        return self.at


async def _settled(bot: Running, message_id: str) -> str:
    record = await bot.engine.record(bot.bot.ids.of(message_id).job)
    return record.outcome if record is not None and record.state == "settled" else ""


async def test_replicas_share_pauses_and_keep_them_over_restarts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    one, other = (Pauses(Storage(url), now=Timing().now, monotonic=_Ticking()) for _ in range(2))
    await one.pause("support_bot", "", "mo")
    await one.pause("support_bot", "", "eve")  # the first one stays
    found = await other.of("support_bot", CID)
    assert found is not None
    assert found.by == "mo"
    assert await other.of("other_bot", CID) is None
    assert await other.resume("support_bot", "")
    assert not await one.resume("support_bot", "")
    assert await one.of("support_bot", CID) is None


async def test_a_pause_is_made_and_ended_in_the_console(at: Stand) -> None:
    root = await at.signed_in("root")
    assert (await root.post("/console/bots/pause", bot="support_bot")).status == 303
    assert (await root.post("/console/bots/pause", bot="support_bot", channel="nonsense")).status == 409
    assert (await root.post("/console/bots/pause", bot="no_bot")).status == 409
    page = await root.get("/console/bots")
    assert "everywhere" in page.said
    await at.turns(LINE)
    here = await root.get(f"/console/conversation?bot=support_bot&channel={CID}")
    assert "paused by root" in " ".join(here.said.split())
    assert (await root.post("/console/bots/resume", bot="support_bot", channel="")).status == 303
    assert "Nothing is paused" in (await root.get("/console/bots")).said


async def test_a_dead_turn_is_shown_and_tried_again(tmp_path: Path) -> None:
    engine = LocalEngine(concurrency=1, now=Timing().now)
    works = asyncio.Event()

    async def handler(job: Job, execution: Execution) -> JobResult:
        return Done("replied") if works.is_set() else DeadLetter("the model is <away>")

    async with stand(tmp_path, engine=engine) as at:
        await engine.start(handler)
        await engine.enqueue(Job("turn-key-1", "lane", "1", {"bot": "support_bot"}))
        await engine.settled()
        root = await at.signed_in("root")
        assert "the model is <away>" in (await root.get("/console/dead")).said
        works.set()
        assert (await root.post("/console/dead/retry", key="turn-key-1")).status == 303
        await engine.settled()
        assert "No turn was given up" in (await root.get("/console/dead")).said
        assert (await root.post("/console/dead/retry", key="turn-key-1")).status == 409
        await engine.drain(1)


async def test_turns_are_found_by_the_minute_and_acts_by_who_did_them(at: Stand) -> None:
    later = replace(LINE, key="turn-2", user="ben", received_at=NOON + timedelta(minutes=3))
    await at.turns(LINE, later)
    mo, root = await at.signed_in("mo"), await at.signed_in("root")
    said = (await mo.get("/console/turns?since=2026-01-01T12:03&until=2026-01-01T12:04")).said
    assert "12:03:00" in said
    assert "12:00:00" not in said
    await root.post("/console/bots/pause", bot="support_bot")
    found = (await mo.get("/console/audit?who=root&words=pause")).said
    assert "console: pause" in found
    assert "signed in" not in found


async def test_the_report_is_shown_under_a_policy_of_its_own(at: Stand) -> None:
    async def report(since: object, until: object) -> str:
        return '<html><style>p {color: red}</style><p style="margin:0">7 turns</p></html>'

    at.parts.report = report
    mo = await at.signed_in("mo")
    page = await mo.get("/console/report/page?days=7")
    assert "7 turns" in page.said
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert (await mo.get("/console/report/page?days=x")).status == 503


@contextlib.asynccontextmanager
async def console_of(at: Scene, user: str) -> AsyncIterator[Browser]:
    """The console of a scene, with somebody signed in."""
    (bot, engine), *_ = at.replicas
    parts = ConsoleParts(lambda: [bot], engine, Storage(at.url))
    jar = aiohttp.CookieJar(unsafe=True)
    async with served(parts) as url, aiohttp.ClientSession(cookie_jar=jar) as session:
        browser = Browser(url, session)
        await browser.post("/console/sign-in", token=await asyncio.to_thread(parts.sign_ins.issue, user, "agent"))
        await browser.get("/console/")
        yield browser
    parts.storage.close()


def _ids(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('name="id" value="')[1:]]


async def test_a_draft_is_edited_and_sent_and_only_by_the_team(tmp_path: Path) -> None:
    async with scene(tmp_path, drafts={"enabled": True, "channel": ""}, tools=[]) as at:
        await at.person("bob").say(ROOM, "Can I return a garden?")
        await at.card()
        async with console_of(at, "eve") as eve:
            (id_,) = _ids((await eve.get("/console/reviews")).text)
            assert (await eve.post("/console/reviews/decide", id=id_, word="yes")).status == 409
        async with console_of(at, "mo") as mo:
            assert (await mo.post("/console/reviews/decide", id=id_, word="edit", text=" ")).status == 409
            sent = await mo.post("/console/reviews/decide", id=id_, word="edit", text="Yes, within 60 days.")
            assert sent.status == 303, sent.said
            assert "Nothing waits" in (await mo.get("/console/reviews")).said
            assert (await mo.post("/console/reviews/decide", id=id_, word="no")).status == 409
        (reply,) = [m for m in await at.stored(ROOM) if m.get("approved_by")]
        assert (reply["text"], reply["approved_by"]) == ("Yes, within 60 days.", "Mo")


async def test_a_tool_call_is_approved_by_somebody_else_than_who_asked(tmp_path: Path) -> None:
    async with scene(tmp_path, conditions={"not_team": False}) as at:
        await at.server.channel("messaging", "support-1").add_members(["mo"])
        await at.person("mo").say(ROOM, "refund 5 to DE1")
        await at.card()
        async with console_of(at, "mo") as mo:
            page = await mo.get("/console/reviews")
            (id_,) = _ids(page.text)
            assert "DE1" in page.said
            refused = await mo.post("/console/reviews/decide", id=id_, word="yes")
            assert refused.status == 409
            assert "cannot approve it" in refused.said
        assert at.refunds == []
        async with console_of(at, "boss") as boss:
            assert (await boss.post("/console/reviews/decide", id=id_, word="yes")).status == 303
        await until(lambda: at.refunds)
        assert at.refunds == [["mo", 5.0, "DE1", "EUR"]]


async def test_many_turns_at_once_make_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    pauses = Pauses(Storage.in_memory(), now=Timing().now, monotonic=lambda: clock)
    looks = 0
    whole = pauses.all

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return await whole()

    monkeypatch.setattr(pauses, "all", counted)
    await asyncio.gather(*(pauses.of("support_bot", f"messaging:{n}") for n in range(100)))
    assert looks == 1
    clock += 1.0
    await asyncio.gather(*(pauses.of("support_bot", f"messaging:{n}") for n in range(100)))
    assert looks == 2
