"""The pages of the console: what they say of conversations and turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from framework.console.replay import GATES
from framework.insight.conversations import PAGE
from framework.insight.turn_texts import KeptText
from framework.runtime.core.bot import Limits
from framework.runtime.pipeline import Pipeline
from framework.stream.model import ChannelRef
from tests.support.bots import CID
from tests.support.chat import ANN
from tests.support.console import LINE, NOON, Stand, stand


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path) as made:
        yield made


async def test_a_conversation_says_its_state_and_why_the_bot_was_silent(at: Stand) -> None:
    await at.turns(LINE, replace(LINE, key="turn-2", channel="messaging:support-2", outcome="answered", reason=""))
    page = await (await at.signed_in("mo")).get("/console/")
    assert page.status == 200
    assert CID in page.said
    assert "outside the hours" in page.said
    assert page.text.count('class="tag answered"') == 1


async def test_the_rows_come_again_only_if_something_changed(at: Stand) -> None:
    await at.turns(LINE)
    browser = await at.signed_in("mo")
    page = await browser.get("/console/")
    again = page.text.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await browser.get(again)).status == 204
    await at.turns(replace(LINE, key="turn-2", channel="messaging:support-9", received_at=NOON + timedelta(seconds=1)))
    changed = await browser.get(again)
    assert changed.status == 200
    assert "messaging:support-9" in changed.said


async def test_each_conversation_stands_once_and_the_next_page_goes_on(at: Stand) -> None:
    lines = [
        replace(LINE, key=f"{n}-{turn}", channel=f"messaging:support-{n}", received_at=NOON + timedelta(minutes=n))
        for n in range(PAGE + 5)
        for turn in range(2)
    ]
    await at.turns(*lines)
    browser = await at.signed_in("mo")
    first = await browser.get("/console/")
    further = first.text.rpartition('href="/console/?')[2].partition('"')[0].replace("&amp;", "&")
    second = await browser.get(f"/console/?{further}")
    names = [f"messaging:support-{n}<" for n in range(PAGE + 5)]
    counts = [first.text.count(name) + second.text.count(name) for name in names]
    assert counts == [1] * (PAGE + 5)


async def test_search_finds_by_channel_person_and_outcome(at: Stand) -> None:
    await at.turns(LINE, replace(LINE, key="turn-2", channel="messaging:support-2", user="ben", outcome="failed"))
    browser = await at.signed_in("mo")
    for query in ("words=support-2", "words=ben", "outcome=failed"):
        said = (await browser.get(f"/console/?{query}")).said
        assert "messaging:support-2" in said
        assert CID not in said, query


async def test_a_turn_has_its_words_from_the_channel_and_its_steps(at: Stand) -> None:
    asked = at.world.post(CID, "Where is my garden?", user=ANN)
    await at.turns(replace(LINE, message=asked.id, sources=(("returns.md", "How long"),), tools=(("refund", False),)))
    browser = await at.signed_in("mo")
    page = await browser.get("/console/turn?key=turn-1")
    assert "Where is my garden?" in page.said
    assert "returns.md — How long" in page.said
    assert "Tool refund" in page.said
    assert "conditions.hours" in page.said
    assert "Where is my garden?" in (await browser.get(f"/console/conversation?bot=support_bot&channel={CID}")).said
    assert (await browser.get("/console/turn?key=none")).status == 404


async def test_words_that_only_some_people_may_read_are_not_shown(at: Stand) -> None:
    asked = at.world.post(CID, "My secret", user=ANN, visible_to=("ann",))
    await at.turns(replace(LINE, message=asked.id))
    page = await (await at.signed_in("mo")).get("/console/turn?key=turn-1")
    assert "My secret" not in page.text
    assert "Only some members" in page.said


async def test_without_the_chat_service_the_history_is_shown_all_the_same(at: Stand) -> None:
    await at.turns(replace(LINE, message="m-1"))
    browser = await at.signed_in("mo", "viewer")
    at.service.fail("messages", times=99)
    page = await browser.get("/console/turn?key=turn-1")
    assert page.status == 200
    assert "service is down" in page.said


def test_every_rule_of_the_pipeline_is_told_in_its_order(at_rest: Pipeline) -> None:
    assert tuple(GATES) == at_rest.rule_names


@pytest.fixture
def at_rest(tmp_path: Path) -> Pipeline:
    from framework.runtime.core.bot import RunningBot
    from framework.stream.timing import Timing
    from tests.support.agent import ScriptedAgent
    from tests.support.bots import BOT, unhurried
    from tests.support.chat import TwinService, World

    timing = Timing()
    service = TwinService(World(timing), BOT)
    return Pipeline(RunningBot("a", unhurried({}), service, ScriptedAgent()), Limits(), timing)


async def test_what_the_model_read_is_shown_while_it_is_kept_to_those_who_may_read_the_question(at: Stand) -> None:
    at.parts.keep_text = timedelta(days=7)
    open_, secret = (at.world.post(CID, text, user=ANN) for text in ("Where is it?", "My secret"))
    at.world.rooms[ChannelRef.parse(CID)].messages[secret.id] = replace(secret, visible_to=("ann",))
    await at.turns(replace(LINE, message=open_.id), replace(LINE, key="turn-2", message=secret.id))
    passages = ({"title": "Returns", "heading": "How", "score": 0.91, "text": "Within 60 days."},)
    for key in ("turn-1", "turn-2"):
        kept = KeptText(key, CID, NOON, (("human", "<b>what it read</b>"),), passages, "The answer.")
        await at.parts.texts.add(kept, {"ann"})
    mo = await at.signed_in("mo")
    page = await mo.get("/console/turn?key=turn-1")
    assert "<b>what it read" in page.said
    assert "score 0.91" in page.said
    assert "what it read" not in (await mo.get("/console/turn?key=turn-2")).text
    at.clock.later(days=7, seconds=1)
    late = await at.signed_in("mo")
    assert "what it read" not in (await late.get("/console/turn?key=turn-1")).text
