"""Handover and drafts on the real adapter, the real SDK and a real server, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from stream_chat.async_chat import StreamChatAsync

from framework.definition.model import BotDefinition
from framework.runtime.core.bot import RunningBot
from framework.runtime.process import run_bots
from framework.runtime.state.feedback import MemoryFeedback, count
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from tests.support.agent import ScriptedAgent
from tests.support.ids import ids_of, reply_id
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

HANDOVER = "I am handing over to a person from our team. They have what we wrote so far."


@dataclass
class People:
    """Ann, a customer, and Carl, of the team, who use the official SDK."""

    sdk: StreamChatAsync

    def channel(self, cid: str) -> Any:
        type_, _, id_ = cid.partition(":")
        return self.sdk.channel(type_, id_)

    async def say(self, cid: str, text: str, user_id: str = "ann", **more: Any) -> str:
        posted = await self.channel(cid).send_message({"text": text, **more}, user_id)
        return str(posted["message"]["id"])

    async def sees(self, cid: str, user_id: str) -> list[dict[str, Any]]:
        state = await self.channel(cid).query(state=True, user_id=user_id, messages={"limit": 100})
        return list(state["messages"])

    async def tag(self, cid: str) -> dict[str, Any]:
        state = await self.channel(cid).query(state=True)
        return dict(state["channel"].get("handover") or {})

    async def reply(self, cid: str, message_id: str) -> dict[str, Any]:
        wanted = reply_id(message_id)

        async def there() -> Any:
            found = next((m for m in await self.sees(cid, "ann") if m["id"] == wanted), None)
            return found if found and not found.get("generating") else None

        found: dict[str, Any] = await until(there)
        return found


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    async with start_sandbox() as running:
        yield running


@pytest.fixture
async def people(sandbox: RunningSandbox) -> AsyncIterator[People]:
    async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as sdk:
        await sdk.upsert_users([{"id": "ann", "name": "Ann"}, {"id": "carl", "name": "Carl", "role": "moderator"}])
        await sdk.channel("messaging", "support-1", {"members": ["ann"]}).create("ann")
        yield People(sdk)


@asynccontextmanager
async def running(sandbox: RunningSandbox, agent: ScriptedAgent, **spec: Any) -> AsyncIterator[RunningBot]:
    settings = Settings(
        stream_api_key=sandbox.api_key,
        stream_api_secret=SecretStr(sandbox.api_secret),
        stream_base_url=sandbox.url,
    )
    definition = BotDefinition.model_validate({"channels": ["messaging:support-*"], **spec})
    bot = RunningBot("support_bot", definition, open_chat_service(settings, definition.identity), agent)
    bot.feedback, bot.handovers = MemoryFeedback(), sandbox.handovers
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_bots([bot], stop=stop, ready=ready.set))
    try:
        await until(lambda: ready.is_set() or task.done())
        yield bot
    finally:
        stop.set()
        await task


CID = "messaging:support-1"


async def test_a_handover_from_the_first_word_to_the_bots_return(sandbox: RunningSandbox, people: People) -> None:
    spec = {"handover": {"enabled": True, "alert": "team:alerts", "choose": "round_robin"}}
    async with running(sandbox, ScriptedAgent(), **spec):
        asked = await people.say(CID, "Please let me talk to a human")
        reply = await people.reply(CID, asked)
        assert reply["text"] == HANDOVER
        assert (reply["outcome"], reply["handover"]["state"]) == ("handed_off", "open")
        tag = await people.tag(CID)
        assert (tag["state"], tag["to"], tag["turn"]) == ("open", ["carl"], ids_of(reply["reply_to"]).job)
        members = await people.channel(CID).query_members({})
        assert "carl" in {member["user_id"] for member in members}
        (alert,) = await people.sees("team:alerts", "carl")
        assert CID in alert["text"]
        team_only = [m for m in await people.sees(CID, "carl") if m.get("restricted_visibility")]
        assert len(team_only) == 1
        assert team_only[0]["text"].startswith("**For the team.**")
        assert not [m for m in await people.sees(CID, "ann") if m.get("restricted_visibility")]
        ignored = await people.say(CID, "Hello?")
        await people.say(CID, "Carl here", "carl")
    async with running(sandbox, ScriptedAgent(), **spec):
        await until(lambda: _is(people.tag(CID), taken_by="Carl"))
        back = await people.say(CID, "/bot resume", "carl")
        assert (await people.reply(CID, back))["text"] == "I am back, and read along again."
        assert (await people.tag(CID))["state"] == "closed"
        after = await people.say(CID, "And now?")
        assert (await people.reply(CID, after))["text"] == "You said: And now?"
    assert reply_id(ignored) not in {m["id"] for m in await people.sees(CID, "ann")}


async def _is(value: Awaitable[dict[str, Any]], **fields: Any) -> bool:
    found = await value
    return all(found.get(name) == wanted for name, wanted in fields.items())


async def test_drafts_are_edited_by_a_reply_and_sent_by_a_reaction(sandbox: RunningSandbox, people: People) -> None:
    reviews = "messaging:reviews"
    spec = {"drafts": {"enabled": True, "channel": reviews}, "reply": {"feedback": ["like"]}}
    async with running(sandbox, ScriptedAgent(), **spec) as bot:
        questions = [await people.say(CID, text) for text in ("One?", "Two?")]

        async def both() -> Any:
            found = [m for m in await people.sees(reviews, "carl") if "review" in m]
            return found if len(found) == 2 else None

        first, second = await until(both)
        card = first["attachments"][0]
        assert [action["value"] for action in card["actions"]] == ["send", "drop"]
        assert first["text"] == "You said: One?"
        await people.say(reviews, "edit: Better.", "carl", parent_id=first["id"])
        await people.channel(reviews).send_reaction(second["id"], {"type": "like"}, "carl")
        replies = [await people.reply(CID, question) for question in questions]
        assert [reply["text"] for reply in replies] == ["Better.", "You said: Two?"]
        assert replies[0]["approved_by"] == "Carl"

        async def decided() -> bool:  # the card is marked after the reply is sent
            return [m["review"]["state"] for m in await both()] == ["edited", "sent"]

        await until(decided)
        await people.channel(CID).send_reaction(replies[0]["id"], {"type": "like"}, "ann")
        log = bot.feedback
        assert log is not None

        async def counted() -> Any:
            return await count(log, "support_bot")

        assert await until(counted) == {"like": 1}
