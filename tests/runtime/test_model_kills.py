"""Tools with side effects in real processes that are killed in the middle: on one machine's files, and by a replica
beside it on Postgres. What those processes left behind holds no secret.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.app import PERSON, App, open_app
from tests.support.modelled import bot_folder
from tests.support.openai_server import Asked, ScriptedServer, Step, call, say, scripted_server
from tests.support.postgres import Postgres, unavailable
from tests.support.replicas import Replica, Sandbox
from tests.support.waiting import until

ROOM, REVIEWS = "support-1", "reviews"
TOOLS = """
    import os, time
    from pathlib import Path
    from langchain.tools import ToolRuntime, tool
    from framework.tools.context import ToolContext

    def leave(line):
        with open(os.environ["EFFECTS"], "a") as file:
            file.write(f"{line} {os.getpid()}\\n")

    @tool
    def quick() -> str:
        '''Does something quickly.'''
        leave("quick")
        return "quick is done"

    @tool
    def slow() -> str:
        '''Does something, and then takes its time.'''
        leave("slow")
        time.sleep(600)
        return "slow is done"

    @tool
    def pay() -> str:
        '''Pays.'''
        leave("pay")
        return "paid"
"""
DEFINITION = {
    "tools": [{"name": "quick"}, {"name": "slow", "timeout": "600s"}, {"name": "pay", "approval": "always"}],
    "drafts": {"channel": f"messaging:{REVIEWS}"},
    "team": {"users": ["boss"]},
}


def results(asked: Asked) -> int:
    """How many tools returned since the last question."""
    roles = [message["role"] for message in asked.messages]
    last = max(number for number, role in enumerate(roles) if role == "user")
    return roles[last:].count("tool")


def brain(asked: Asked) -> Step:
    question = str([m for m in asked.messages if m["role"] == "user"][-1]["content"])
    if "Do both" in question.rpartition("<message")[2]:
        return [call(("quick", {})), call(("slow", {})), say("All is done.")][results(asked)]
    if "Pay" in question.rpartition("<message")[2]:
        return [call(("pay", {})), say("I asked the team.")][results(asked)]
    return say("The team decided." if results(asked) else "Yes.")


@dataclass
class Scene:
    folder: Path
    app: App
    server: ScriptedServer
    replicas: list[Replica]
    postgres: Postgres | None

    @property
    def effects(self) -> list[str]:
        file = self.folder / "effects"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def at_work(self) -> Replica:
        """Whose tool left the newest effect."""
        pid = int((self.folder / "effects").read_text().split()[-1])
        return next(replica for replica in self.replicas if replica.running and replica.pid == pid)

    async def post(self, text: str, *, room: str = ROOM, user: str = PERSON, **more: Any) -> str:
        message = {"text": text, "user_id": user, **more}
        answer = await self.app.call("POST", f"/channels/messaging/{room}/message", {"message": message})
        return str(answer["message"]["id"])

    async def said(self, room: str = ROOM) -> list[dict[str, Any]]:
        messages = (await self.app.messages([room]))[room]
        return [m for m in messages if m["user"]["id"] == "agent-bot" and not m.get("generating")]

    async def reply_to(self, question: str) -> str:
        return str((await self.eventually(lambda m: m.get("reply_to") == question))["text"])

    async def eventually(self, wanted: Callable[[dict[str, Any]], bool], room: str = ROOM) -> dict[str, Any]:
        async def found() -> dict[str, Any] | None:
            return next((message for message in await self.said(room) if wanted(message)), None)

        message: dict[str, Any] = await until(found, otherwise=lambda: self.logs[-3000:])
        return message

    @property
    def logs(self) -> str:
        return "".join(replica.log.read_text() for replica in self.replicas)

    async def kill(self, replica: Replica) -> None:
        """Kill it; where it is the only one, start it again, with tools that are quick."""
        await replica.end()
        if len(self.replicas) == 1:
            replica.start()
            await replica.until_ready()

    def assert_no_secrets(self) -> None:
        files = [file for file in self.folder.rglob("*") if file.is_file() and not file.name.startswith("sandbox")]
        kept = b"".join(file.read_bytes() for file in files) + self._tables()
        sent = "".join(asked.text for asked in self.server.asked)
        assert b"agent-bot" in kept
        assert b"Do both" in kept
        for secret in (Sandbox.SECRET, *(f"key-of-{replica.name}" for replica in self.replicas)):
            assert secret.encode() not in kept
            assert secret not in sent

    def _tables(self) -> bytes:
        """All that the database holds."""
        if self.postgres is None:
            return b""
        of_ours = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'test_%'"
        rows = [self.postgres.execute(f"SELECT t::text FROM {name} t") for (name,) in self.postgres.execute(of_ours)]
        return repr(rows).encode()


@pytest.fixture(params=["files", "postgres"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        url, postgres = f"sqlite:///{tmp_path / 'engine.db'}", None
        if request.param == "postgres":
            if reason := unavailable():
                pytest.skip(reason)
            postgres = stack.enter_context(Postgres.running())
            url = postgres.database()
        server = await stack.enter_async_context(scripted_server())
        server.brain = brain
        sandbox = Sandbox(tmp_path)
        stack.callback(sandbox.kill)
        sandbox.start()
        bot = bot_folder(tmp_path, DEFINITION, TOOLS)
        replicas = [
            Replica(
                f"replica-{number}",
                bot,
                tmp_path,
                sandbox=sandbox,
                model=server.url.removesuffix("/v1"),
                database=url,
                environment={"EFFECTS": str(tmp_path / "effects")},
            )
            for number in range(2 if request.param == "postgres" else 1)
        ]
        for replica in replicas:
            stack.callback(replica.kill)
        await sandbox.until_ready()
        app = await stack.enter_async_context(open_app(sandbox))
        await app.prepare([ROOM])
        await app.call("POST", "/users", {"users": {"boss": {"id": "boss"}}})
        desk = {"data": {"created_by_id": "boss", "members": ["boss"]}}
        await app.call("POST", f"/channels/messaging/{REVIEWS}/query", desk)
        for replica in replicas:
            replica.start()
        await asyncio.gather(*(replica.until_ready() for replica in replicas))
        yield Scene(tmp_path, app, server, replicas, postgres)


async def test_no_side_effect_is_doubled_or_lost_by_a_kill(scene: Scene) -> None:
    """A finished call is not repeated, one that was cut off is reported, and one that the team approved right before
    runs once.
    """
    question = await scene.post("Pay, please")
    assert await scene.reply_to(question) == "I asked the team."
    review = await scene.eventually(lambda m: "review" in m, REVIEWS)
    # Another turn of the channel holds the approved call back.
    busy = await scene.post("Do both, please")
    await until(lambda: scene.effects == ["quick", "slow"], otherwise=lambda: scene.logs[-3000:])
    await scene.post("approve", room=REVIEWS, user="boss", parent_id=review["id"])
    await scene.eventually(lambda m: m.get("review", {}).get("state") == "approved", REVIEWS)
    assert "pay" not in scene.effects
    await scene.kill(scene.at_work)

    text = await scene.reply_to(busy)
    assert text.startswith("All is done.\n\nI cannot say whether “slow” was done.")
    uncertain = [json.loads(line) for line in scene.logs.splitlines() if "tool.uncertain" in line]
    assert [(entry["tool"], entry["audit"]) for entry in uncertain] == [("slow", True)]
    told = [m["content"] for asked in scene.server.asked for m in asked.messages if m["role"] == "tool"]
    assert any(' of="quick">\nquick is done\n</result-' in result for result in told)
    await scene.eventually(lambda m: m["text"] == "The team decided.")
    await asyncio.sleep(1)
    assert scene.effects == ["quick", "slow", "pay"]
    said = await scene.said()
    assert [m["text"] for m in said].count("The team decided.") == 1
    assert len([m for m in said if m.get("reply_to") == busy]) == 1
    scene.assert_no_secrets()
