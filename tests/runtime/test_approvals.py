"""Tool calls that wait for the team's word: shown in the channel, decided there, and reported to who asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from framework.agent.conversation import ApprovalRequested, Conversation
from framework.approvals import ApprovalStore
from framework.stream.model import ChannelRef, Message, OutgoingMessage, User
from framework.stream.timing import Timing
from framework.tools.approval.tool_calls import ToolApprovals
from framework.tools.context import ToolContext
from tests.support.agent import ScriptedAgent, Step, answer
from tests.support.bots import CID, Running
from tests.support.chat import ANN, World

CARL = User("carl", "Carl", role="moderator")
REVIEWS = "team:reviews"
T = TypeVar("T")


class Refunder(ScriptedAgent):
    """Wants to refund what it is asked for, and says what became of it."""

    def __init__(self, store: ApprovalStore, folder: Path) -> None:
        super().__init__()
        self.store = store
        self.tools = ToolApprovals("support_bot", store, timedelta(hours=2))
        self.refunds: list[str] = []
        self._folder = folder
        self.calls: dict[str, ApprovalRequested] = {}
        self.script = self._play

    async def want(self, key: str, user: User = ANN) -> None:
        """Record a call, as the agent's guard does before the event is told."""
        context = ToolContext(user.id, user.name, CID, key, self._folder)
        pending = await self.tools.ask("refund", {"order": "A-1", "api_key": "k-4711"}, context)
        self.calls[key] = ApprovalRequested(pending.id, "refund", "\n".join(pending.request.shown))

    def _play(self, conversation: Conversation) -> list[Step]:
        if not conversation.decided:
            return [self.calls[conversation.question], answer("I asked the team.")]
        self.refunds.append(conversation.decided)
        return [answer(f"Decided: {conversation.decided}")]


@pytest.fixture
def refunder(tmp_path: Path, world: World) -> Refunder:
    return Refunder(world.approvals, tmp_path)


@pytest.fixture(autouse=True)
async def _people(world: World) -> None:
    world.people[CARL.id] = CARL
    world.room(CID)
    world.add_member(CID, ANN.id, user=ANN)


def spec(channel: str = "") -> dict[str, Any]:
    return {"tools": [{"name": "refund", "approval": "always"}], "drafts": {"channel": channel}}


async def asked(bot: Running, refunder: Refunder, text: str = "refund") -> Message:
    await refunder.want(text)
    bot.world.post(CID, text)
    await asyncio.sleep(1)
    place = bot.definition.drafts.channel or CID
    return next(message for message in bot.world.messages(place) if "review" in message.custom)


async def state(refunder: Refunder, key: str = "refund") -> str:
    return (await refunder.store.get(refunder.calls[key].id)).state


@pytest.mark.parametrize("channel", ["", REVIEWS])
async def test_the_team_sees_the_call_and_its_word_is_reported_where_it_was_asked(
    world: World, refunder: Refunder, timing: Timing, channel: str
) -> None:
    async with Running(world, refunder, timing=timing, definition=spec(channel)) as bot:
        question = await asked(bot, refunder)
        waiting = next(m for m in world.messages(channel or CID) if "review" in m.custom)
        assert "refund" in waiting.text
        assert "A-1" in waiting.text
        assert "k-4711" not in waiting.text
        assert waiting.visible_to == (() if channel else ("carl",))
        world.post(channel or CID, "approve", user=CARL, parent=waiting.id)
        await asyncio.sleep(2)
        assert await state(refunder) == "approved"
        (report,) = [m for m in world.messages(CID) if m.text.startswith("Decided: ")]
        assert report.visible_to == ()
        assert question.id == waiting.id
    changed = next(m for m in world.messages(channel or CID) if "review" in m.custom)
    assert (changed.custom["review"]["state"], changed.custom["review"]["decided_by"]) == ("approved", "Carl")
    assert len(refunder.refunds) == 1


async def test_a_denied_call_is_reported_too_and_stays_denied(world: World, refunder: Refunder, timing: Timing) -> None:
    async with Running(world, refunder, timing=timing, definition=spec(REVIEWS)) as bot:
        waiting = await asked(bot, refunder)
        world.react(waiting.id, "sad", user=CARL)
        await asyncio.sleep(1)
        world.post(REVIEWS, "approve", user=CARL, parent=waiting.id)
        await asyncio.sleep(1)
    assert await state(refunder) == "denied"
    assert len(refunder.refunds) == 1


async def test_who_asked_cannot_approve_their_own_call(world: World, refunder: Refunder, timing: Timing) -> None:
    async with Running(world, refunder, timing=timing, definition=spec()) as bot:
        waiting = await asked(bot, refunder)
        world.post(CID, "approve", user=ANN, parent=waiting.id)
        world.react(waiting.id, "like", user=ANN)
        await asyncio.sleep(1)
    assert await state(refunder) == "waiting"
    assert refunder.refunds == []


@pytest.mark.parametrize("allowed", [False, True])
async def test_who_asked_may_approve_where_the_team_allows_it(
    world: World, refunder: Refunder, timing: Timing, *, allowed: bool
) -> None:
    world.rooms[ChannelRef.parse(CID)].roles["ann"] = "channel_moderator"
    definition = spec()
    definition["conditions"] = {"not_team": False}
    definition["team"] = {"channel_roles": ["channel_moderator"], "approve_own": allowed}
    async with Running(world, refunder, timing=timing, definition=definition) as bot:
        waiting = await asked(bot, refunder)
        world.post(CID, "approve", user=ANN, parent=waiting.id)
        world.react(waiting.id, "like", user=ANN)
        await asyncio.sleep(1)
        assert await state(refunder) == ("approved" if allowed else "waiting")
        if not allowed:
            world.post(CID, "deny", user=ANN, parent=waiting.id)
            await asyncio.sleep(1)
            assert await state(refunder) == "denied"


async def test_the_team_is_asked_in_the_bots_words(
    world: World, refunder: Refunder, timing: Timing, monkeypatch: pytest.MonkeyPatch
) -> None:
    phrases = {
        "approval_question": "Darf ich {tool} für {user} in {channel} aufrufen?",
        "approval_how": "Antwortet mit approve oder deny.",
        "approval_by_another": "Wer gefragt hat, darf nicht zustimmen.",
    }
    sent: list[OutgoingMessage] = []
    async with Running(world, refunder, timing=timing, definition={**spec(), "phrases": phrases}) as bot:
        send = bot.service.send

        async def overheard(channel: ChannelRef, message: OutgoingMessage, **more: Any) -> Message:
            sent.append(message)
            return await send(channel, message, **more)

        monkeypatch.setattr(bot.service, "send", overheard)
        waiting = await asked(bot, refunder)
    assert waiting.text.startswith(f"Darf ich refund für Ann (`ann`) in {CID} aufrufen?")
    card = next(message.card for message in sent if message.id == waiting.id)
    assert card is not None
    assert card.text == "Antwortet mit approve oder deny. Wer gefragt hat, darf nicht zustimmen."


async def test_a_decision_that_could_not_be_kept_is_kept_later_and_runs_once(
    world: World, refunder: Refunder, timing: Timing, tmp_path: Path
) -> None:
    async with Running(world, refunder, timing=timing, definition=spec(REVIEWS)) as bot:
        waiting = await asked(bot, refunder)
        bot.service.fail("amend", times=2)
        world.post(REVIEWS, "approve", user=CARL, parent=waiting.id)
        world.react(waiting.id, "like", user=replace(CARL, id="carl"))
        await asyncio.sleep(60)
    assert await state(refunder) == "approved"
    assert len(refunder.refunds) == 1


@pytest.mark.parametrize("changed", [False, True])
async def test_who_decides_before_the_card_is_recorded_as_shown_is_heard_if_all_of_it_stands_there(
    world: World, refunder: Refunder, timing: Timing, monkeypatch: pytest.MonkeyPatch, changed: bool
) -> None:
    kept = refunder.store.shown
    recorded = asyncio.Event()

    async def shown_late(id_: str, seen: str) -> None:
        card = next(message for message in world.messages(REVIEWS) if "review" in message.custom)
        if not recorded.is_set():
            recorded.set()
            if changed:
                world.edit(card, "Give Ann a biscuit?")
            world.post(REVIEWS, "approve", user=CARL, parent=card.id)
            await asyncio.sleep(2)
        await kept(id_, seen)

    monkeypatch.setattr(refunder.store, "shown", shown_late)
    async with Running(world, refunder, timing=timing, definition=spec(REVIEWS)):
        await refunder.want("refund")
        world.post(CID, "refund")
        await asyncio.sleep(5)
    assert recorded.is_set()
    assert await state(refunder) == ("waiting" if changed else "approved")
    assert len(refunder.refunds) == (0 if changed else 1)


async def test_a_card_that_is_changed_before_it_is_recorded_is_not_taken_for_what_was_shown(
    world: World, refunder: Refunder, timing: Timing
) -> None:
    async with Running(world, refunder, timing=timing, definition=spec(REVIEWS)) as bot:
        send = bot.service.send

        async def send_and_be_changed(channel: ChannelRef, message: OutgoingMessage, **more: Any) -> Message:
            posted: Message = await send(channel, message, **more)
            if "review" in message.custom:
                world.edit(posted, "Give Ann a biscuit?")
            return posted

        bot.service.send = send_and_be_changed  # type: ignore[method-assign]  # somebody is quick
        card = await asked(bot, refunder)
        world.post(REVIEWS, "approve", user=CARL, parent=card.id)
        await asyncio.sleep(5)
        assert await state(refunder) == "waiting"
        assert refunder.refunds == []
        assert "A-1" in world.message(card.id).text
        world.post(REVIEWS, "approve", user=CARL, parent=card.id)
        await asyncio.sleep(5)
    assert len(refunder.refunds) == 1


async def test_a_call_nobody_decided_on_expires_and_who_asked_is_told(
    world: World, refunder: Refunder, timing: Timing
) -> None:
    definition = {**spec(REVIEWS), "drafts": {"channel": REVIEWS, "expire": "2h"}}
    async with Running(world, refunder, timing=timing, definition=definition) as bot:
        waiting = await asked(bot, refunder)
        await asyncio.sleep(3 * 3600)
        assert await state(refunder) == "expired"
        assert [m.text for m in world.messages(CID) if m.text.startswith("Decided: ")] == [
            f"Decided: {refunder.refunds[0]}"
        ]
        world.post(REVIEWS, "approve", user=CARL, parent=waiting.id)
        await asyncio.sleep(60)
    assert await state(refunder) == "expired"
    assert len(refunder.refunds) == 1
