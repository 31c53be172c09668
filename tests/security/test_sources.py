"""Who may open an article: people who can read an answer of the bot that is from it, and nobody by a path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from framework.app.presented import present
from framework.app.presented_articles import present_articles
from framework.definition.model import Bot
from framework.sandbox.dev.server import Running, serving
from framework.sandbox.kernel.config import SandboxConfig
from framework.settings import Settings

CARE = "---\ntitle: Care\n---\nWater it weekly.\n\n## Winter\n\nLess often.\n"
SECRET = "# Margins\n\nWe earn 40 percent."


class World:
    """A sandbox with a bot that has articles, and people who call it."""

    def __init__(self, running: Running, http: aiohttp.ClientSession, bot: Bot, settings: Settings) -> None:
        self.running, self.bot, self.settings = running, bot, settings
        self._http = http

    async def call(
        self, user: str | None, method: str, path: str, body: Any = None, **query: str
    ) -> tuple[int, dict[str, Any]]:
        """Call as a person, or as the server."""
        config = self.running.config
        token = jwt.encode({"user_id": user} if user else {"server": True}, config.api_secret, "HS256")
        headers = {"Authorization": token, "stream-auth-type": "jwt"}
        params = {"api_key": config.api_key, **query}
        async with self._http.request(method, path, json=body, params=params, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, user: str, id_: str, **fields: Any) -> int:
        """Send a message; a bot does so with the server's token."""
        message = {"id": id_, "text": "See there.", "user_id": user, **fields}
        path, caller = "/channels/messaging/support-1/message", None if user == "plant-bot" else user
        return (await self.call(caller, "POST", path, {"message": message}))[0]

    async def read(self, user: str | None, message: str, file: str) -> tuple[int, dict[str, Any]]:
        """Open a source."""
        return await self.call(user, "GET", "/sandbox/source", message_id=message, file=file)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "plants"
    (folder / "knowledge").mkdir(parents=True)
    (folder / "knowledge" / "care.md").write_text(CARE)
    (folder / "knowledge" / "margins.md").write_text(SECRET)
    (folder / "prompt.md").write_text("Help.")
    (folder / "bot.yaml").write_text(
        "identity: {user_id: plant-bot}\nchannels: ['messaging:support-*']\nprompt: prompt.md\n"
    )
    async with serving(SandboxConfig(port=0)) as running, aiohttp.ClientSession(running.url) as http:
        config = running.config
        settings = Settings(
            stream_api_key=config.api_key,
            stream_api_secret=config.api_secret,
            stream_base_url=running.url,
            data=tmp_path / "data",
        )
        world = World(running, http, Bot.load(folder), settings)
        users = {id_: {"id": id_} for id_ in ("ann", "eve", "plant-bot")} | {"mo": {"id": "mo", "role": "moderator"}}
        await world.call(None, "POST", "/users", {"users": users})
        data = {"created_by_id": "ann", "members": ["ann", "mo", "plant-bot"]}
        await world.call(None, "POST", "/channels/messaging/support-1/query", {"data": data})
        await present([world.bot.definition], settings)
        await present_articles([world.bot], settings)
        source = {"title": "Care", "file": "knowledge/care.md", "heading": "Winter", "line": 6}
        assert await world.post("plant-bot", "answer", ai_generated=True, sources=[source]) == 201
        yield world


async def test_a_customer_opens_the_article_of_an_answer_at_its_passage(world: World) -> None:
    status, article = await world.read("ann", "answer", "knowledge/care.md")
    assert status == 200
    assert (article["title"], [one["heading"] for one in article["sections"]]) == ("Care", ["", "Winter"])
    assert article["sections"][1]["text"] == "Less often."


@pytest.mark.parametrize(
    "file",
    ["knowledge/margins.md", "bot.yaml", "prompt.md", "../plants/knowledge/care.md", "/etc/passwd",
     "knowledge/care.md/.", "knowledge/../knowledge/care.md", "%2e%2e/bot.yaml", "knowledge\\care.md",
     "knowledge/care.md\0"],
)  # fmt: skip
async def test_nothing_is_read_that_the_answer_is_not_from(world: World, file: str) -> None:
    status, told = await world.read("ann", "answer", file)
    assert status == 403
    assert "sections" not in told


async def test_who_cannot_read_the_answer_cannot_open_its_source(world: World) -> None:
    source = [{"title": "Care", "file": "knowledge/care.md"}]
    assert await world.post("plant-bot", "for-the-team", sources=source, restricted_visibility=["mo"]) == 201
    assert (await world.read("eve", "answer", "knowledge/care.md"))[0] == 403
    assert (await world.read("ann", "for-the-team", "knowledge/care.md"))[0] == 404
    assert (await world.read("mo", "for-the-team", "knowledge/care.md"))[0] == 200
    assert (await world.read("ann", "no-such-message", "knowledge/care.md"))[0] == 404


async def test_a_message_of_a_person_names_no_source(world: World) -> None:
    source = [{"title": "Margins", "file": "knowledge/margins.md"}]
    assert await world.post("ann", "forged", sources=source, ai_generated=True, reply_to="x") == 201
    assert (await world.read("ann", "forged", "knowledge/margins.md"))[0] == 403
    status, _ = await world.call("ann", "PUT", "/messages/answer", {"set": {"sources": source}})
    assert status == 403
    assert (await world.read("ann", "answer", "knowledge/care.md"))[0] == 200


async def test_only_the_server_tells_of_articles(world: World) -> None:
    told = {"bot": "plant-bot", "files": [], "articles": []}
    for user in ("ann", "mo", "plant-bot"):
        assert (await world.call(user, "PUT", "/sandbox/articles", told))[0] == 403
    assert (await world.read("ann", "answer", "knowledge/care.md"))[0] == 200


async def test_a_deleted_article_is_said_to_be_gone(world: World) -> None:
    (world.bot.folder / "knowledge" / "care.md").unlink()
    await present_articles([Bot.load(world.bot.folder)], world.settings)
    status, told = await world.read("ann", "answer", "knowledge/care.md")
    assert status == 404
    assert "no longer" in told["message"]
