"""The runtime on the real chat service adapter, the real SDK and a real server, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from stream_chat.async_chat import StreamChatAsync

from framework.definition.model import BotDefinition
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.one_shot import reply_once
from framework.runtime.process import run_bots
from framework.runtime.reply.notify import Notices
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef
from framework.tools.notices import Notice
from tests.support.agent import Pause, ScriptedAgent, TextDelta, answer
from tests.support.ids import reply_id
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

CID = "messaging:support-1"
LIMITS = Limits(head_start=30.0)  # a reply that begins shows its first text, however slow the machine is


class Person:
    """Someone with the official SDK."""

    def __init__(self, sdk: StreamChatAsync) -> None:
        self.sdk = sdk
        self.channel = sdk.channel("messaging", "support-1", {"members": ["ann"]})

    async def ask(self, text: str, **more: Any) -> str:
        posted = await self.channel.send_message({"text": text, **more}, "ann")
        return str(posted["message"]["id"])

    async def reply_to(self, message_id: str) -> dict[str, Any] | None:
        state = await self.channel.query(state=True, messages={"limit": 300})
        wanted = reply_id(message_id)
        return next((m for m in state["messages"] if m["id"] == wanted), None)

    async def answer_to(self, message_id: str) -> dict[str, Any]:
        """The complete reply, once it is there."""

        async def complete() -> dict[str, Any] | None:
            reply = await self.reply_to(message_id)
            return reply if reply and not reply.get("generating") else None

        found: dict[str, Any] = await until(complete)
        return found

    async def sees(self, message_id: str, text: str) -> None:
        """Wait for a reply that is being written and begins so."""

        async def begun() -> bool:
            reply = await self.reply_to(message_id)
            return reply is not None and bool(reply.get("generating")) and reply["text"].startswith(text)

        await until(begun)


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def person(sandbox: RunningSandbox) -> AsyncIterator[Person]:
    async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as sdk:
        await sdk.upsert_user({"id": "ann", "name": "Ann"})
        someone = Person(sdk)
        await someone.channel.create("ann")
        yield someone


def make(sandbox: RunningSandbox, agent: ScriptedAgent, **spec: Any) -> RunningBot:
    settings = Settings(
        stream_api_key=sandbox.api_key,
        stream_api_secret=SecretStr(sandbox.api_secret),
        stream_base_url=sandbox.url,
    )
    budget = {"user_minute": None, "user_at_once": None}  # one person of these tests writes like many
    definition = BotDefinition.model_validate({"channels": ["messaging:support-*"], "budget": budget, **spec})
    return RunningBot("support_bot", definition, open_chat_service(settings, definition.identity), agent)


@asynccontextmanager
async def running(bot: RunningBot) -> AsyncIterator[None]:
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_bots([bot], stop=stop, ready=ready.set, limits=LIMITS))
    try:
        await until(lambda: ready.is_set() or task.done())
        yield
    finally:
        stop.set()
        await task


async def test_people_see_the_bots_name_and_picture(sandbox: RunningSandbox, person: Person) -> None:
    identity = {"name": "Fernly", "image": "https://example.com/fern.png"}
    async with running(make(sandbox, ScriptedAgent(), identity=identity)):
        reply = await person.answer_to(await person.ask("Hello"))
    assert (reply["user"]["name"], reply["user"]["image"]) == ("Fernly", "https://example.com/fern.png")


async def test_answers_a_person_with_the_official_sdk(sandbox: RunningSandbox, person: Person) -> None:
    before = await person.ask("Are you there?")
    async with running(make(sandbox, ScriptedAgent())):
        assert (await person.answer_to(before))["text"] == "You said: Are you there?"
        question = await person.ask("And now? 👋")
        reply = await person.answer_to(question)
    assert reply["text"] == "You said: And now? 👋"
    assert reply["user"]["id"] == "agent-bot"
    assert reply["ai_generated"] is True
    assert reply["reply_to"] == question
    assert reply["outcome"] == "answered"


async def test_streams_into_one_message(sandbox: RunningSandbox, person: Person) -> None:
    words, seen = [f"word{n} " for n in range(20)], asyncio.Event()
    agent = ScriptedAgent(
        lambda _: [*map(TextDelta, words[:10]), seen, *map(TextDelta, words[10:]), answer("".join(words))]
    )
    async with running(make(sandbox, agent)):
        question = await person.ask("Talk")
        await person.sees(question, "word0 ")
        seen.set()
        reply = await person.answer_to(question)
    assert reply["text"] == "".join(words)
    assert reply["generating"] is False


async def test_a_thread_a_burst_an_edit_and_a_deletion(sandbox: RunningSandbox, person: Person) -> None:
    agent = ScriptedAgent(lambda c: [Pause(0.05), TextDelta("re"), answer(f"re {c.question}")])
    async with running(make(sandbox, agent)):
        ids = [await person.ask(f"q{n}") for n in range(30)]
        assert [(await person.answer_to(id_))["text"] for id_ in ids] == [f"re q{n}" for n in range(30)]

        in_thread = await person.ask("in the thread", parent_id=ids[0])

        async def thread_reply() -> dict[str, Any] | None:
            replies = await person.channel.get_replies(ids[0])
            wanted = reply_id(in_thread)
            return next((m for m in replies["messages"] if m["id"] == wanted and not m.get("generating")), None)

        assert (await until(thread_reply))["text"] == "re in the thread"

        agent.script = lambda c: [
            TextDelta("hm"),
            Pause(0 if c.question == "dogs" else 600),
            answer(f"re {c.question}"),
        ]
        edited = await person.ask("cats")
        await person.sees(edited, "hm")
        await person.sdk.update_message_partial(edited, {"set": {"text": "dogs"}}, "ann")
        assert (await person.answer_to(edited))["text"] == "re dogs"

        deleted = await person.ask("never mind")
        await person.sees(deleted, "hm")
        await person.sdk.delete_message(deleted)

        async def withdrawn() -> bool:
            reply = await person.reply_to(deleted)
            return reply is None or reply["type"] == "deleted"

        await until(withdrawn)
    assert agent.questions.count("q0") == 1


async def test_a_stop_from_a_person_keeps_what_is_there(sandbox: RunningSandbox, person: Person) -> None:
    agent = ScriptedAgent(lambda _: [TextDelta("one two"), Pause(60), answer("never")])
    async with running(make(sandbox, agent)):
        question = await person.ask("Count")
        await person.sees(question, "one two")

        async def stopped() -> bool:  # the bot may not know yet that its message is there
            await person.channel.send_event({"type": "ai_indicator.stop"}, "ann")
            reply = await person.reply_to(question)
            return reply is not None and not reply["generating"]

        await until(stopped)
        reply = await person.answer_to(question)
    assert reply["text"] == "one two"
    assert reply["stopped"] is True


async def test_a_new_channel_is_found(sandbox: RunningSandbox, person: Person) -> None:
    async with running(make(sandbox, ScriptedAgent())):
        person.channel = person.sdk.channel("messaging", "support-new", {"members": ["ann"]})
        await person.channel.create("ann")
        question = await person.ask("First!")
        assert (await person.answer_to(question))["text"] == "You said: First!"


async def test_a_restart_in_mid_turn_continues_the_same_message(sandbox: RunningSandbox, person: Person) -> None:
    bot = make(sandbox, ScriptedAgent(lambda _: [TextDelta("half"), Pause(60), answer("never")]))
    async with running(bot):
        question = await person.ask("Well?")
        await person.sees(question, "half")
    left = await person.reply_to(question)
    assert left is not None
    assert left["generating"] is True
    async with running(make(sandbox, ScriptedAgent())):
        assert (await person.answer_to(question))["text"] == "You said: Well?"


async def test_the_one_shot_command_gives_the_same_id_twice(sandbox: RunningSandbox, person: Person) -> None:
    question = await person.ask("Once?")
    channel = ChannelRef.parse(CID)
    ids = []
    for _ in range(2):
        bot = make(sandbox, ScriptedAgent())
        ids.append(await reply_once(bot, channel, last=20))
        await bot.service.close()
    assert [done.message_id for done in ids] == [reply_id(question)] * 2
    assert [done.posted for done in ids] == [True, False]


async def test_a_notice_is_pushed_once_and_as_the_person_prefers(sandbox: RunningSandbox, person: Person) -> None:
    bot = make(sandbox, ScriptedAgent())
    await bot.service.open()
    notices = Notices(bot.service, bot.user_id, lambda: datetime(2026, 1, 1, 12, tzinfo=UTC))
    await person.sdk.upsert_user({"id": "ben"})
    for user in ("ann", "ben"):
        await person.sdk.add_device(f"phone of {user}", "firebase", user)
    preferences = [{"user_id": "ben", "chat_level": "none"}]
    await person.sdk.post("push_preferences", data={"preferences": preferences})
    try:
        for _ in range(2):
            await notices.send(("ann", "ben", "nobody"), Notice("shipped 7", "On its way.", "Shipped"))
        quiet = Notice("at night", "Psst.", quiet_hours="11:00-13:00")
        (told,) = await notices.send(("ann",), quiet)
        assert (told.state, told.is_quiet) == ("sent", True)
    finally:
        await bot.service.close()
    async with httpx.AsyncClient() as client:
        pushes = (await client.get(f"{sandbox.url}/sandbox/pushes")).json()["pushes"]
    seen = [(one["user_id"], one.get("why_not") or "") for one in pushes]
    assert seen.count(("ann", "")) == 1
    assert seen.count(("ben", "the user wants no push")) == 1
    assert seen.count(("ann", "skip_push was asked for")) == 1
