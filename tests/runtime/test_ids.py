"""Ids of what a bot posts, the one reader of its own messages, and posting once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from framework.errors import ChatServiceError
from framework.runtime.reply.post import post_once
from framework.runtime.state.ids import TRIES, MessageIds, TurnIds
from framework.runtime.state.own import own
from framework.stream.ids import IdKey
from framework.stream.model import ChannelRef, Message, OutgoingMessage, User
from framework.stream.timing import Timing
from tests.support.bots import BOT, CID
from tests.support.chat import ANN, BEN, TwinService, World

KEY = IdKey(SecretStr("secret"))
IDS = MessageIds(KEY, BOT.id)
CHANNEL = ChannelRef.parse(CID)
PURPOSES = ("reply", "draft", "call", "note", "alert", "summary", "resumed", "turn")


def message(**fields: Any) -> Message:
    return replace(Message("m1", CHANNEL, BOT, "text", datetime(2026, 3, 2, tzinfo=UTC)), **fields)


@given(st.text(), st.text())
def test_no_two_messages_of_a_turn_or_of_two_turns_share_an_id(one: str, other: str) -> None:
    turns = [IDS.of(one), IDS.of(one, made_up=True), IDS.of("x" + one), MessageIds(KEY, "b").of(one)]
    turns += [IDS.of(other)] if other not in {one, "x" + one} else []
    ids = [id_ for turn in turns for purpose in PURPOSES for id_ in turn.chain(purpose)]  # type: ignore[arg-type]
    ids += [id_ for turn in turns for part in (2, 3) for id_ in turn.chain("reply", part=part)]
    ids += [id_ for turn in turns for name in ("1", "2") for id_ in turn.chain("call", name=name)]
    assert len(set(ids)) == len(ids)


def test_no_id_holds_or_follows_from_another() -> None:
    ids = IDS.of("m1")
    reply = ids.chain("reply")
    assert len(reply) == TRIES
    rest = [*reply[1:], *ids.chain("reply", part=2), *ids.chain("draft"), ids.job, ids.former_reply]
    assert all(reply[0] not in one and one not in reply[0] for one in rest)


def test_the_keys_of_jobs_stay_when_the_secret_is_changed_and_tell_events_from_messages() -> None:
    other = TurnIds(IdKey(SecretStr("rotated")), BOT.id, "m1")
    assert other.job == IDS.of("m1").job == "90cbcaec-7c71-56a1-8454-5b180c3b04dc"
    assert IDS.of("m1", made_up=True).job != IDS.of("m1").job
    assert str(uuid.UUID(odd := IDS.of("\ud800\x00,%").job)) == odd


FIELDS: dict[str, Any] = {
    "reply_to": "q1", "answers": ["q1"], "part_of": "q1", "outcome": "failed", "note": "team", "covers_before": True,
    "review": {"kind": "draft"}, "made_up": True, "handover": {"state": "open"},
}  # fmt: skip


@pytest.mark.parametrize("author", [ANN, User("agent-bot2"), User("AGENT-BOT"), User(""), User("agent-bot ")])
def test_fields_of_other_people_record_nothing(author: User) -> None:
    assert own(message(user=author, custom=FIELDS, generating=True, ai_generated=True), BOT.id) is None
    assert own(message(user=author, custom=FIELDS), "") is None


def test_what_the_bot_recorded_is_read() -> None:
    read = own(message(custom=FIELDS, generating=True), BOT.id)
    assert read is not None
    assert (read.reply_to, read.answers, read.part_of, read.note) == ("q1", ("q1",), "q1", "team")
    assert read.covers
    assert read.made_up
    assert read.is_apology
    assert read.is_aside
    assert read.is_unfinished
    assert own(None, BOT.id) is None


def test_fields_of_the_wrong_kind_are_no_record() -> None:
    odd = {name: [{"x": 1}] for name in FIELDS} | {"made_up": "yes", "covers_before": 1}
    read = own(message(custom=odd), BOT.id)
    assert read is not None
    assert (read.reply_to, read.answers, read.part_of, read.outcome, read.note, read.review) == (
        "",
        (),
        "",
        "",
        "",
        None,
    )
    assert not (read.made_up)
    assert not (read.covers)


@pytest.mark.parametrize(
    ("custom", "trigger", "made_up", "answers"),
    [
        ({"reply_to": "q1"}, "q1", False, True),
        ({"reply_to": "q2", "answers": ["q1", "q2"]}, "q1", False, False),  # q1's own turn made none
        ({"reply_to": "idle:1", "made_up": True}, "idle:1", True, True),
        ({"reply_to": "idle:1"}, "idle:1", True, False),  # the answer to a message that took such an id
        ({"reply_to": "idle:1", "made_up": True}, "idle:1", False, False),
        ({}, "", False, False),
    ],
)
def test_a_reply_says_what_it_answers(custom: dict[str, Any], trigger: str, made_up: bool, answers: bool) -> None:
    read = own(message(custom=custom), BOT.id)
    assert read is not None
    assert read.is_reply_to(trigger, made_up=made_up) is answers


class Chat:
    """A channel and the bot's view of it."""

    def __init__(self) -> None:
        self.world = World(Timing())
        self.world.room(CID)
        self.service = TwinService(self.world, BOT)
        self.chain = IDS.of("q1").chain("reply")

    async def post(self, text: str = "hello") -> tuple[str, bool, str]:
        posted = await post_once(self.service, CHANNEL, self.chain, OutgoingMessage("", text), bot_user_id=BOT.id)
        return posted.message.id, posted.is_new, posted.message.text


async def test_what_was_posted_is_found_when_it_is_posted_again() -> None:
    chat = Chat()
    assert await chat.post() == (chat.chain[0], True, "hello")
    assert await chat.post("other words") == (chat.chain[0], False, "hello")
    assert len(chat.world.messages(CID)) == 1


async def test_posting_costs_one_call() -> None:
    chat = Chat()
    await chat.post()
    assert chat.service.calls == {"send": 1}


@pytest.mark.parametrize("where", [CID, "messaging:elsewhere"])
async def test_an_id_that_somebody_else_has_is_passed_over(where: str, caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat()
    chat.world.post(where, "mine!", user=BEN, id=chat.chain[0], custom={"ai_generated": True, "generating": True})
    assert await chat.post() == (chat.chain[1], True, "hello")
    assert await chat.post() == (chat.chain[1], False, "hello")
    assert chat.world.message(chat.chain[0]).text == "mine!"


async def test_a_squatted_id_that_was_deleted_is_passed_over() -> None:
    chat = Chat()
    chat.world.post(CID, "mine!", user=BEN, id=chat.chain[0])
    chat.world.delete(chat.chain[0])
    assert await chat.post() == (chat.chain[1], True, "hello")


async def test_when_all_ids_are_taken_the_error_says_what_to_do() -> None:
    chat = Chat()
    for id_ in chat.chain:
        chat.world.post(CID, "mine!", user=BEN, id=id_)
    with pytest.raises(ChatServiceError, match="all 4 ids") as refused:
        await chat.post()
    assert not refused.value.retryable
