"""A domain that is blocked everywhere: no channel type lets it through, also disguised, in titles, and by editing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from stream_chat import StreamChatAsync

from framework.moderation.decisions import DecisionStore
from framework.storage import Storage
from tests.mcp.test_mission import approving
from tests.support.mcp import stdio, variables
from tests.support.ports import free_port
from tests.support.process import Process
from tests.support.sandbox import RunningSandbox, start_sandbox

TYPES = ("messaging", "livestream", "team", "gaming", "commerce")
BOT = """
identity: {user_id: guard, name: Guard}
prompt: prompt.md.j2
channels: {join: ["messaging:none"]}
"""
RULES = """
channels: ["*:*"]
rules:
  - {name: spam, when: {domains: [spam-domain.example], stream_list: everywhere}, do: reject, say: {en: "Not here."}}
"""
DISGUISED = (
    "spam-domain[.]example",
    "hxxps://www.SPAM-domain%2eexample/x",
    "sp\u0430m-d\u043emain.example",
    "at spam-domain (dot) example now",
    "spam\u200b-domain.ex\u00adample",
)


class Ann:
    """A customer with her own token."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: RunningSandbox, token: str) -> None:
        self._session, self._sandbox = session, sandbox
        self._headers = {"Authorization": token, "stream-auth-type": "jwt"}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        params = {"api_key": self._sandbox.api_key}
        url = f"{self._sandbox.url}{path}"
        async with self._session.request(method, url, params=params, headers=self._headers, json=body) as answer:
            return answer.status, await answer.json()

    async def says(self, type_: str, text: str, **fields: Any) -> dict[str, Any]:
        """Post, and return the message: of type error if it was refused."""
        status, body = await self.call("POST", f"/channels/{type_}/room/message", {"message": {"text": text, **fields}})
        assert status == 201, body
        return dict(body["message"])

    async def is_gone(self, message_id: str) -> bool:
        status, body = await self.call("GET", f"/messages/{message_id}")
        return status == 404 or body["message"]["type"] == "deleted"


@asynccontextmanager
async def rooms(sandbox: RunningSandbox) -> AsyncIterator[Ann]:
    """A channel of each type, with Ann."""
    async with StreamChatAsync(sandbox.api_key, sandbox.api_secret, base_url=sandbox.url) as client:
        await client.upsert_users([{"id": "ann"}, {"id": "app"}])
        for type_ in TYPES:
            await client.channel(type_, "room", {"members": ["ann"]}).create("app")
        async with aiohttp.ClientSession() as session:
            yield Ann(session, sandbox, client.create_token("ann"))


def command(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "framework", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_a_blocklist_over_mcp_refuses_a_domain_in_every_channel_type(tmp_path: Path) -> None:
    async with (
        start_sandbox() as sandbox,
        stdio(environment=variables(sandbox, tmp_path), elicitation_callback=approving) as client,
        rooms(sandbox) as ann,
    ):
        await client.execute(
            "CreateBlockList", {"name": "everywhere", "words": ["spam-domain.example"], "type": "domain"}
        )
        found = await client.execute("ListChannelTypes")
        for name in TYPES:
            kind = found["channel_types"][name]
            required = {key: kind[key] for key in ("automod", "automod_behavior", "max_message_length")}
            lists = [{"blocklist": "everywhere", "behavior": "block"}]
            await client.execute("UpdateChannelType", {"name": name, **required, "blocklists": lists})
        for name in TYPES:
            assert (await ann.says(name, "see https://www.spam-domain.example/x"))["type"] == "error"
            sent = await ann.says(name, "see https://spam-domain.example.org")
            assert sent["type"] == "regular"
            _, edited = await ann.call("POST", f"/messages/{sent['id']}", {"message": {"text": "spam-domain.example"}})
            assert edited["message"]["type"] == "error"


async def test_no_channel_type_lets_it_through_disguised_or_by_editing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path / "guard_bot"
    folder.mkdir()
    (folder / "bot.yaml").write_text(BOT)
    (folder / "prompt.md.j2").write_text("You are a guard.")
    (folder / "moderation.yaml").write_text(RULES)
    async with start_sandbox() as sandbox, rooms(sandbox) as ann:
        given = {
            **environment,
            "STREAM_BASE_URL": sandbox.url,
            "STREAM_API_KEY": sandbox.api_key,
            "STREAM_API_SECRET": sandbox.api_secret,
            "FRAMEWORK_WEBHOOK": f"127.0.0.1:{free_port()}",
            "FRAMEWORK_INGRESS": "websocket",
            "FRAMEWORK_DATA": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{tmp_path}/engine.db",
        }
        set_up = ("moderation", "apply", str(folder), "--json", "--yes")
        first = json.loads(await asyncio.to_thread(command, given, *set_up))
        assert [one["operation"] for one in first["changes"]] == [
            "CreateBlockList", *["UpdateChannelType"] * len(TYPES), "UpdateApp",
        ]  # fmt: skip
        with (tmp_path / "log").open("w") as log:
            bot = await asyncio.to_thread(
                Process.start, ["run", str(folder)], ready="ready", environment=given, log=log
            )
        edits: list[str] = []
        try:
            for type_ in TYPES:
                for text in ("see https://www.spam-domain.example/x", *DISGUISED):
                    assert (await ann.says(type_, text))["type"] == "error", (type_, text)
                titled = [{"type": "image", "title": "Buy at spam-domain[.]example", "title_link": "https://x.example"}]
                assert (await ann.says(type_, "look", attachments=titled))["type"] == "error"
                honest = await ann.says(type_, "see https://spam-domain.example.org and notspam-domain.example")
                assert honest["type"] == "regular"
                edited = {"message": {"text": "now spam-domain[.]example"}}
                status, _ = await ann.call("POST", f"/messages/{honest['id']}", edited)
                assert status in {200, 201}
                edits.append(honest["id"])
            while edits:  # what was edited is looked at afterwards, and then deleted
                edits = [id_ for id_ in edits if not await ann.is_gone(id_)]
            store = DecisionStore(Storage(given["DATABASE_URL"]), now=lambda: datetime.now(UTC))
            logged = [one.decision for one in await store.last(100)]
            store.storage.close()
            assert {one.channel for one in logged} == {f"{type_}:room" for type_ in TYPES}
            assert {one.rules[0].name for one in logged} == {"spam"}
            assert not any(one.text for one in logged), "a digest stands for the text"
        finally:
            await asyncio.to_thread(bot.stop)
