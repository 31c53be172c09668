"""An answer goes to nobody who could not see what it answers, and what some people alone see reaches nobody else.

Alice asks where only she and the bot see it; Bob, who is a member too, looks at all that he can see. Beside each stands
the answer that Alice gets, and the public one that both get.
"""

from __future__ import annotations

from typing import Any

import pytest

from framework.agent.conversation import Conversation, HandoverRequested
from framework.errors import ModelError
from framework.runtime.core.bot import Limits
from tests.sandbox.conftest import World, world
from tests.support.agent import Pause, ScriptedAgent, Step, TextDelta, answer
from tests.support.customers import BOT, Listener, Message, answers, bot_at_work, by_bot, say, seen
from tests.support.waiting import until

__all__ = ["world"]
SECRET = "My PIN is 4711, is it safe?"
CHANNEL = "support-1"


@pytest.fixture
async def shop(world: World) -> World:
    """A channel of Alice, Bob, somebody of the team and the bot."""
    await world.server.upsert_users([{"id": "mo", "role": "admin"}])
    await world.channel(CHANNEL, "alice", "bob", "mo", BOT)
    return world


async def whisper(world: World, text: str, *, to: tuple[str, ...] = ("alice", BOT), **fields: Any) -> Message:
    """Alice writes for some people alone. Only the app's server may do that for a customer."""
    message = {"text": text, "restricted_visibility": list(to), **fields}
    return dict((await world.server.channel("messaging", CHANNEL).send_message(message, "alice"))["message"])


async def nothing_of_it_is_seen_by_bob(world: World, *, thread: str = "") -> None:
    messages = await seen(world, CHANNEL, "bob")
    if thread:
        messages += await seen(world, CHANNEL, "bob", thread=thread)
    assert not [m for m in messages if "4711" in m["text"] or (m["user"]["id"] == BOT and "public" not in m["text"])]


async def test_a_restricted_question_is_answered_for_its_readers(shop: World) -> None:
    agent = ScriptedAgent()
    async with bot_at_work(shop, agent):
        await whisper(shop, SECRET)
        (reply,) = await answers(shop, CHANNEL, "alice")
        assert reply["text"] == f"You said: {SECRET}"
        assert set(reply["restricted_visibility"]) == {"alice", BOT}
        await nothing_of_it_is_seen_by_bob(shop)
        await say(shop, CHANNEL, "bob", "Anything public?")
        (public,) = await answers(shop, CHANNEL, "bob")
        assert not public.get("restricted_visibility")
    assert [one.text for one in agent.asked[-1].utterances] == ["Anything public?"]


async def test_her_own_public_question_does_not_bring_it_up(shop: World) -> None:
    agent = ScriptedAgent()
    async with bot_at_work(shop, agent):
        await whisper(shop, SECRET)
        await answers(shop, CHANNEL, "alice")
        await say(shop, CHANNEL, "alice", "What did I say? In public, please")
        await answers(shop, CHANNEL, "alice", 2)
        assert [one.text for one in agent.asked[-1].utterances] == ["What did I say? In public, please"]
        await whisper(shop, "And in private?")
        await answers(shop, CHANNEL, "alice", 3)
        texts = [one.text for one in agent.asked[-1].utterances]
    assert texts[:2] == [SECRET, f"You said: {SECRET}"]
    assert texts[-1] == "And in private?"


async def test_in_a_thread_below_it_and_in_a_quote_of_it(shop: World) -> None:
    async with bot_at_work(shop, ScriptedAgent()):
        asked = await whisper(shop, SECRET)
        await answers(shop, CHANNEL, "alice")
        # What stands below it has no restriction of its own.
        await say(shop, CHANNEL, "alice", "And 4711 backwards?", parent_id=asked["id"], show_in_channel=True)

        async def below() -> list[Message]:
            return await by_bot(shop, CHANNEL, "alice", thread=asked["id"])

        (reply,) = await until(below)
        assert set(reply["restricted_visibility"]) == {"alice", BOT}
        await say(shop, CHANNEL, "alice", "Which one is it?", quoted_message_id=asked["id"])

        async def quoting() -> list[Message]:
            return [m for m in await by_bot(shop, CHANNEL, "alice") if m["text"].endswith("Which one is it?")]

        (about_quote,) = await until(quoting)
        assert set(about_quote["restricted_visibility"]) == {"alice", BOT}
        bobs = [m for m in await seen(shop, CHANNEL, "bob") if m["user"]["id"] == BOT]
        assert bobs == []


async def test_while_it_is_written_and_in_all_its_parts(shop: World) -> None:
    paragraphs = [f"4711, {n}. {'x' * 160}" for n in range(3)]
    heard: list[Message] = []

    def listen(message: Message) -> list[tuple[str, dict[str, Any]]]:
        heard.append(message)
        return []

    def script(_: Conversation) -> list[Step]:
        return [TextDelta(paragraphs[0]), Pause(0.5), answer("\n\n".join(paragraphs))]

    bob = Listener(shop, "bob", listen)
    spec: dict[str, Any] = {"reply": {"max_length": 200, "place": "thread"}}
    async with bot_at_work(shop, ScriptedAgent(script), limits=Limits(head_start=0.0), **spec), bob.at(CHANNEL):
        asked = await whisper(shop, SECRET)
        replies = await answers(shop, CHANNEL, "alice", 3, thread=asked["id"])
        assert {tuple(sorted(reply["restricted_visibility"])) for reply in replies} == {tuple(sorted(("alice", BOT)))}
        await say(shop, CHANNEL, "bob", "public")  # and what was sent before it has arrived by then
        await until(lambda: [message for message in heard if message["text"] == "public"])
    assert not [message for message in heard if "4711" in message["text"]]


async def test_an_apology_for_it(shop: World) -> None:
    agent = ScriptedAgent(lambda _: [ModelError("broken")])
    async with bot_at_work(shop, agent):
        await whisper(shop, SECRET)
        (reply,) = await answers(shop, CHANNEL, "alice")
        assert reply["outcome"] == "failed"
        assert set(reply["restricted_visibility"]) == {"alice", BOT}
        await nothing_of_it_is_seen_by_bob(shop)


async def test_a_handover_for_it_tells_the_team_no_word_of_it(shop: World) -> None:
    await shop.server.channel("team", "desk", {"members": ["mo"]}).create("mo")
    wish = HandoverRequested("her PIN is 4711", "She said that her PIN is 4711.")
    agent = ScriptedAgent(lambda _: [wish, answer("")])
    spec: dict[str, Any] = {"handover": {"enabled": True, "alert": "team:desk"}, "team": {"users": ["mo"]}}
    async with bot_at_work(shop, agent, **spec):
        await whisper(shop, SECRET)
        (reply,) = await answers(shop, CHANNEL, "alice")
        assert reply["outcome"] == "handed_off"
        assert set(reply["restricted_visibility"]) == {"alice", BOT}

        async def alerts() -> list[Message]:
            state = await shop.server.channel("team", "desk").query(state=True)
            return [m for m in state["messages"] if m["user"]["id"] == BOT]

        (alert,) = await until(alerts)
        note = (await answers(shop, CHANNEL, "mo"))[0]
        assert "alice" in alert["text"]
        assert "4711" not in alert["text"] + note["text"]
        await nothing_of_it_is_seen_by_bob(shop)
    assert not [one for told in agent.summed_up for one in told.utterances if "4711" in one.text]


async def test_a_handover_in_public_tells_the_team_nothing_that_others_may_not_see(shop: World) -> None:
    agent = ScriptedAgent()
    spec: dict[str, Any] = {"handover": {"enabled": True}, "team": {"users": ["mo"]}, "triggers": ["mention"]}
    async with bot_at_work(shop, agent, **spec):
        await whisper(shop, SECRET)
        await say(shop, CHANNEL, "bob", f"My lamp is dark. @{BOT} I want to talk to a human")
        note = (await answers(shop, CHANNEL, "mo", 2))[0]
    told = [one.text for conversation in agent.summed_up for one in conversation.utterances]
    assert [text.startswith("My lamp is dark.") for text in told] == [True]
    assert "4711" not in note["text"]


async def test_the_note_of_a_draft_and_the_answer_that_the_team_sends(shop: World) -> None:
    await shop.server.channel("team", "drafts", {"members": ["mo"]}).create("mo")
    spec: dict[str, Any] = {
        "drafts": {"enabled": True, "channel": "team:drafts"},
        "team": {"users": ["mo"]},
        "phrases": {"draft": "Somebody looks at it."},
    }
    async with bot_at_work(shop, ScriptedAgent(), **spec):
        await whisper(shop, SECRET)
        (note,) = await answers(shop, CHANNEL, "alice")
        assert set(note["restricted_visibility"]) == {"alice", BOT}
        await nothing_of_it_is_seen_by_bob(shop)

        async def drafts() -> list[Message]:
            state = await shop.server.channel("team", "drafts").query(state=True)
            return [m for m in state["messages"] if m["user"]["id"] == BOT]

        (draft,) = await until(drafts)
        send = {"text": "send", "parent_id": draft["id"]}
        await shop.server.channel("team", "drafts").send_message(send, "mo")

        async def sent() -> list[Message]:
            return [m for m in await by_bot(shop, CHANNEL, "alice") if m["text"] == f"You said: {SECRET}"]

        (reply,) = await until(sent)
        assert set(reply["restricted_visibility"]) == {"alice", BOT}
        await nothing_of_it_is_seen_by_bob(shop)


async def test_two_quick_messages_of_which_one_is_restricted_get_an_answer_each(shop: World) -> None:
    async with bot_at_work(shop, ScriptedAgent(), reply={"merge_within": "1s"}):
        await whisper(shop, SECRET)
        await say(shop, CHANNEL, "alice", "Is it public?")
        replies = await answers(shop, CHANNEL, "alice", 2)
        assert [bool(reply.get("restricted_visibility")) for reply in replies] == [True, False]
        assert "4711" not in replies[1]["text"]
        await nothing_of_it_is_seen_by_bob(shop)


async def test_what_bob_quotes_without_seeing_it_is_not_told_him(shop: World) -> None:
    agent = ScriptedAgent()
    async with bot_at_work(shop, agent, triggers=["mention"]):
        asked = await whisper(shop, SECRET)
        message = {"text": f"@{BOT} what does it say?", "quoted_message_id": asked["id"]}
        await shop.server.channel("messaging", CHANNEL).send_message(message, "bob")
        (reply,) = await answers(shop, CHANNEL, "bob")
        assert set(reply["restricted_visibility"]) == {"alice", "bob", BOT}
    assert not [one for one in agent.asked[-1].utterances if "4711" in one.text]


async def test_what_is_not_for_the_bot_starts_nothing_and_is_in_no_prompt(shop: World) -> None:
    agent = ScriptedAgent()
    await whisper(shop, "For Mo: the code is 4711", to=("alice", "mo"))
    async with bot_at_work(shop, agent):
        await whisper(shop, "For Mo again: the code is 4711", to=("alice", "mo"))
        await whisper(shop, "And what is the code?")
        await answers(shop, CHANNEL, "alice")
        await say(shop, CHANNEL, "mo", "Anything public?")
        await answers(shop, CHANNEL, "mo")
    assert sorted(agent.questions) == ["And what is the code?", "Anything public?"]
    assert not [one for asked in agent.asked for one in asked.utterances if "4711" in one.text]
