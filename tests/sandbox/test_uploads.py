"""Files and images: upload, serve, limits, delete."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import stream_chat
from stream_chat.base.exceptions import StreamAPIException

from tests.sandbox.conftest import World
from tests.support.sandbox import start_sandbox

PNG = b"\x89PNG\r\n\x1a\nand so on"
ALICE = {"id": "alice"}


async def fetch(world: World, url: str) -> tuple[int, bytes, str]:
    async with world.http.get(url) as response:
        return response.status, await response.read(), response.headers["content-type"]


@pytest.fixture
def text_file(tmp_path: Path) -> str:
    (tmp_path / "hello world.txt").write_text("hello")
    return str(tmp_path / "hello world.txt")


async def test_a_file_is_served_back_by_path_and_by_url_until_it_is_deleted(world: World, text_file: str) -> None:
    channel = await world.channel("c", "alice")
    url = (await channel.send_file(text_file, "hello.txt", ALICE))["file"]
    assert url.endswith("/hello.txt")
    assert await fetch(world, url) == (200, b"hello", "text/plain; charset=utf-8")
    again = (await channel.send_file(url, "again.txt", ALICE))["file"]
    assert (await fetch(world, again))[1] == b"hello"
    await channel.delete_file(url)
    assert (await fetch(world, url))[0] == 404
    with pytest.raises(StreamAPIException) as raised:
        await channel.delete_file(url)
    assert (raised.value.status_code, raised.value.error_code) == (404, 16)
    assert (await fetch(world, again))[0] == 200


async def test_an_image_must_be_one(world: World, tmp_path: Path, text_file: str) -> None:
    channel = await world.channel("c", "alice")
    (tmp_path / "x.png").write_bytes(PNG)
    answer = await channel.send_image(str(tmp_path / "x.png"), "x.png", ALICE, content_type="image/png")
    assert (await fetch(world, answer["file"]))[1:] == (PNG, "image/png")
    assert (await fetch(world, answer["thumb_url"]))[0] == 200
    await channel.delete_image(answer["file"])
    with pytest.raises(StreamAPIException, match="is not an image"):
        await channel.send_image(text_file, "x.txt", ALICE, content_type="text/plain")


async def test_the_synchronous_client_uploads_too(world: World, text_file: str) -> None:
    await world.channel("c", "alice")
    running = world.running
    client = stream_chat.StreamChat(running.api_key, running.api_secret, base_url=running.url)

    def upload() -> Any:
        channel = client.channel("messaging", "c")
        answer = channel.send_file(text_file, "hello.txt", ALICE)
        channel.delete_file(answer["file"])
        return answer

    assert (await asyncio.to_thread(upload))["file"].endswith("/hello.txt")


async def test_a_page_that_someone_uploads_cannot_run_here(world: World, tmp_path: Path) -> None:
    channel = await world.channel("c", "alice")
    (tmp_path / "x.html").write_text("<script>alert(1)</script>")
    url = (await channel.send_file(str(tmp_path / "x.html"), '../../"x.html', ALICE))["file"]
    async with world.http.get(url) as response:
        assert response.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"


async def post(world: World, path: str, form: aiohttp.FormData | None, token: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": token, "stream-auth-type": "jwt"}
    url, params = world.running.url + path, {"api_key": world.running.api_key}
    async with world.http.post(url, params=params, data=form, headers=headers) as response:
        return response.status, await response.json()


def form(name: str = "x.txt", content: bytes = b"hello") -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("file", content, filename=name)
    return made


async def test_a_person_deletes_its_own_uploads_only_and_uploads_only_where_it_may(world: World) -> None:
    await world.channel("c", "alice", "bob")
    await world.server.upsert_user({"id": "eve"})
    alice, bob = world.person("alice"), world.person("bob")
    _, mine = await post(world, "/uploads/file", form(), alice.token)
    assert (await bob.call("DELETE", "/uploads/file", url=mine["file"]))[0] == 403
    assert (await alice.call("DELETE", "/uploads/file", url=mine["file"]))[0] == 200
    status, body = await post(world, "/channels/messaging/c/file", form(), world.person("eve").token)
    assert (status, body["code"]) == (403, 17)


async def test_the_app_settings_limit_size_and_kind(world: World) -> None:
    await world.channel("c", "alice")
    config = {"size_limit": 4, "blocked_file_extensions": [".exe"], "allowed_file_extensions": []}
    await world.server.update_app_settings(file_upload_config=config)
    token = world.person("alice").token
    status, body = await post(world, "/uploads/file", form(), token)
    assert (status, body["code"]) == (413, 22)
    status, body = await post(world, "/uploads/file", form("x.exe", b"x"), token)
    assert (status, body["code"]) == (400, 4)
    assert (await post(world, "/uploads/file", form("x.txt", b"x"), token))[0] == 201


async def test_refuses_what_is_no_form_with_a_file(world: World) -> None:
    await world.channel("c", "alice")
    token = world.person("alice").token
    empty = aiohttp.FormData(default_to_multipart=True)
    empty.add_field("other", "x")
    for given in (None, empty):
        status, body = await post(world, "/uploads/file", given, token)
        assert (status, body["code"]) == (400, 4)


async def test_files_outlive_the_process(tmp_path: Path, text_file: str) -> None:
    data = str(tmp_path / "s.db")
    async with (
        start_sandbox(data) as running,
        stream_chat.StreamChatAsync(running.api_key, running.api_secret, base_url=running.url) as server,
    ):
        await server.upsert_user(ALICE)
        channel = server.channel("messaging", "c")
        await channel.create("alice")
        path = (await channel.send_file(text_file, "hello.txt", ALICE))["file"].removeprefix(running.url)
    async with start_sandbox(data) as running, aiohttp.ClientSession() as http, http.get(running.url + path) as found:
        assert await found.text() == "hello"
