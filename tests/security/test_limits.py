"""Limits, with a customer who writes as much as the service takes: on one process, and on two with one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from stream_chat import StreamChatAsync

from tests.support.log import log_entries
from tests.support.process import Process
from tests.support.sandbox import RunningSandbox, start_sandbox
from tests.support.waiting import until

CID = ("messaging", "shop")
BOT = """
identity: {{user_id: fern, name: Fern}}
prompt: prompt.md.j2
channels: {{create: ["messaging:shop"]}}
{more}
"""


class Shop:
    """The channel of a bot, seen by the app's server: people write and read in it."""

    def __init__(self, client: StreamChatAsync) -> None:
        self._client = client
        self._channel = client.channel(*CID)

    async def arrive(self, *people: str, role: str = "user") -> None:
        for person in people:
            await self._client.upsert_user({"id": person, "name": person.title(), "role": role})
        await self._channel.add_members([{"user_id": person} for person in people])

    async def say(self, person: str, text: str, parent: str | None = None) -> str:
        sent = await self._channel.send_message({"text": text, **({"parent_id": parent} if parent else {})}, person)
        return str(sent["message"]["id"])

    async def answers(self, questions: list[str]) -> list[str]:
        """The finished texts of the bot to these messages."""
        state = await self._channel.query(state=True, messages={"limit": 300})
        threads = [m["id"] for m in state["messages"] if m.get("reply_count")]
        pages = [state["messages"], *[(await self._channel.get_replies(one, limit=100))["messages"] for one in threads]]
        mine = [m for m in {m["id"]: m for page in pages for m in page}.values() if m["user"]["id"] == "fern"]
        return [str(m["text"]) for m in mine if m.get("reply_to") in questions and not m.get("generating")]


@asynccontextmanager
async def shop(tmp_path: Path, environment: dict[str, str], more: str, *, replicas: int = 1) -> AsyncIterator[Shop]:
    folder = tmp_path / "fern_bot"
    folder.mkdir()
    (folder / "bot.yaml").write_text(BOT.format(more=more))
    (folder / "prompt.md.j2").write_text("Be kind.")
    async with start_sandbox() as sandbox:
        processes = [
            await asyncio.to_thread(_start, folder, tmp_path, environment, sandbox, number)
            for number in range(replicas)
        ]
        try:
            async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as client:
                yield Shop(client)
        finally:
            for process in processes:
                await asyncio.to_thread(process.stop)


def _start(folder: Path, place: Path, environment: dict[str, str], sandbox: RunningSandbox, number: int) -> Process:
    given = {
        **environment,
        "STREAM_BASE_URL": sandbox.url,
        "STREAM_API_KEY": sandbox.api_key,
        "STREAM_API_SECRET": sandbox.api_secret,
        "DATABASE_URL": f"sqlite:///{place}/engine.db",
    }
    with (place / f"log{number}").open("w") as log:
        return Process.start(["run", str(folder)], ready="ready", environment=given, log=log)


async def settled(place: Path, count: int) -> None:
    """Wait until so many turns came to their end, answered or not."""

    def ended() -> bool:
        entries = [entry for log in place.glob("log*") for entry in log_entries(log)]
        silent = [entry for entry in entries if entry["event"] == "turn.decided" and entry["answer"] is False]
        return len(silent) + len([entry for entry in entries if entry["event"] == "turn.posted"]) >= count

    await until(ended)


@pytest.mark.parametrize("replicas", [1, 2])
async def test_three_turns_a_day_are_three_answers_however_many_come_at_once(
    replicas: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    async with shop(tmp_path, environment, "budget: {user_day: {turns: 3}}", replicas=replicas) as place:
        await place.arrive("eve", "bob")
        roots = [await place.say("bob", f"Topic {number}, @eve?") for number in range(3)]
        await settled(tmp_path, 3)
        asked = await asyncio.gather(*(place.say("eve", f"Question {n}?", roots[n % 3]) for n in range(25)))
        await settled(tmp_path, 28)
        answers = await place.answers(list(asked))
        told = [text for text in answers if "for today" in text]
        assert len(answers) - len(told) == 3
        assert len(told) == 1  # and nobody is told twice


async def test_twenty_turns_a_minute_and_others_are_answered_meanwhile(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async with shop(tmp_path, environment, "") as place:
        await place.arrive("eve", "bob")
        asked = [await place.say("eve", f"Question {number}?") for number in range(40)]
        honest = await place.say("bob", "And how are you?")
        await settled(tmp_path, 41)
        answers = await place.answers(asked)
        assert len([text for text in answers if "more than I can answer" not in text]) == 20
        assert len([text for text in answers if "more than I can answer" in text]) == 1
        assert len(await place.answers([honest])) == 1


async def test_guests_share_the_budget_of_one_person(tmp_path: Path, environment: dict[str, str]) -> None:
    async with shop(tmp_path, environment, "budget: {user_day: {turns: 2}, when_spent: silent}") as place:
        guests = [f"guest-{number}" for number in range(6)]
        await place.arrive(*guests, role="guest")
        await place.arrive("bob")
        asked = [await place.say(guest, "Hello?") for guest in guests]
        honest = await place.say("bob", "Hello?")
        await settled(tmp_path, 7)
        assert len(await place.answers(asked)) == 2
        assert len(await place.answers([honest])) == 1


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("texts", [5, 1_000])
async def test_an_account_that_answers_by_itself_gets_no_more_than_twenty_rounds(
    texts: int, replicas: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A help desk that answers with a few texts in turn, or with a new one each time."""
    more = "budget: {user_minute: 1000}"
    async with shop(tmp_path, environment, more, replicas=replicas) as place:
        await place.arrive("desk", "bob")
        rounds = 0
        for number in range(30):
            asked = await place.say("desk", f"Thank you for your message, case {number % texts} is open now")
            await settled(tmp_path, number + 1)
            if not await place.answers([asked]):
                break
            rounds += 1
        assert 1 < rounds <= 20
        honest = await place.say("bob", "How are you?")
        await settled(tmp_path, rounds + 2)
        assert await place.answers([honest])
