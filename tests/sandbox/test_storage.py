"""What outlives the process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
import stream_chat
from stream_chat.base.exceptions import StreamAPIException

from framework.sandbox.kernel.errors import SandboxStartError
from framework.sandbox.kernel.store.sqlite import SqliteJournal
from tests.support.sandbox import API_KEY, API_SECRET, start_sandbox
from tests.support.waiting import PATIENCE


async def started(data: Path) -> tuple[Process, str]:
    """A sandbox in a process of its own, and its address."""
    command = ["-m", "framework", "sandbox", "--port", "0", "--api-key", API_KEY, "--api-secret", API_SECRET]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, "--data", str(data), stdout=PIPE)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().split()
    assert line[:2] == ["sandbox", "ready"]
    return process, line[2]


def client(url: str) -> stream_chat.StreamChatAsync:
    return stream_chat.StreamChatAsync(API_KEY, API_SECRET, base_url=url)


async def test_a_kill_loses_no_message_that_was_answered(tmp_path: Path) -> None:
    process, url = await started(tmp_path / "s.db")
    answered: list[str] = []
    enough = asyncio.Event()
    async with client(url) as server:
        await server.upsert_user({"id": "alice"})
        channel = server.channel("messaging", "c", {"members": ["alice"]})
        await channel.create("alice")

        async def send_forever(sender: int) -> None:
            for number in range(10_000):
                answer = await channel.send_message({"id": f"{sender}-{number}", "text": "x"}, "alice")
                answered.append(answer["message"]["id"])
                if len(answered) >= 300:
                    enough.set()

        senders = [asyncio.create_task(send_forever(sender)) for sender in range(8)]
        await enough.wait()
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.gather(*senders, return_exceptions=True)
        await process.wait()
    async with start_sandbox(str(tmp_path / "s.db")) as again, client(again.url) as server:
        found = set()
        for start in range(0, len(answered), 100):
            channel = server.channel("messaging", "c")
            page = await channel.get_messages(answered[start : start + 100])
            found |= {message["id"] for message in page["messages"]}
    assert len(answered) >= 300
    assert set(answered) <= found


async def test_reopening_continues_with_order_reads_and_reactions(tmp_path: Path) -> None:
    data = str(tmp_path / "s.db")
    async with start_sandbox(data) as running, client(running.url) as server:
        await server.upsert_users([{"id": "alice", "shoe": 42}, {"id": "bob"}])
        channel = server.channel("messaging", "c", {"members": ["alice", "bob"], "topic": "tea"})
        await channel.create("alice")
        await channel.send_message({"id": "m1", "text": "one", "x": 1}, "alice")
        await channel.send_message({"id": "m2", "text": "two"}, "alice")
        await channel.send_reaction("m1", {"type": "like"}, "bob")
        before = await channel.query()
    async with start_sandbox(data) as running, client(running.url) as server:
        channel = server.channel("messaging", "c")
        after = await channel.query()
        newer = await channel.send_message({"id": "m3", "text": "three"}, "bob")
    for one in (before, after):
        one.pop("duration")
    assert after == before
    assert newer["message"]["created_at"] > before["messages"][-1]["created_at"]


async def test_stops_at_sigterm_closing_websockets_with_1001(tmp_path: Path) -> None:
    import aiohttp

    from tests.sandbox.conftest import Person, frame
    from tests.support.sandbox import RunningSandbox

    process, url = await started(tmp_path / "s.db")
    async with client(url) as server, aiohttp.ClientSession() as http:
        running = RunningSandbox(url, API_KEY, API_SECRET, sandbox=None)  # type: ignore[arg-type] # lives elsewhere
        async with await Person(running, http, "alice", server.create_token("alice")).connect() as socket:
            await frame(socket)
            process.terminate()
            assert (await socket.receive(timeout=PATIENCE)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1001
    assert await process.wait() == 0


async def test_a_corrupt_file_a_folder_and_a_taken_port_are_said_clearly(tmp_path: Path) -> None:
    corrupt = tmp_path / "corrupt.db"
    corrupt.write_bytes(b"this is not a database" * 200)
    for data in (corrupt, tmp_path):
        with pytest.raises(SandboxStartError, match="cannot be used"):
            async with start_sandbox(str(data)):
                pass
    async with start_sandbox() as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(SandboxStartError, match="cannot listen"):
            async with start_sandbox(port=port):
                pass


async def test_a_change_that_could_not_be_stored_is_not_seen_either(tmp_path: Path) -> None:
    async with start_sandbox(str(tmp_path / "s.db")) as running, client(running.url) as server:
        await server.upsert_users([{"id": "alice", "name": "Alice"}])
        channel = server.channel("messaging", "c", {"members": ["alice"]})
        await channel.create("alice")
        await channel.send_message({"id": "before", "text": "stored"}, "alice")
        journal = running.sandbox.store._journal
        assert isinstance(journal, SqliteJournal)
        journal._raw.cursor().execute("PRAGMA query_only=ON")
        for change in (
            channel.send_message({"id": "lost", "text": "x"}, "alice"),
            server.update_message({"id": "before", "text": "changed", "user_id": "alice"}),
            server.delete_message("before", hard=True),
            server.upsert_user({"id": "alice", "name": "Bob"}),
        ):
            with pytest.raises(StreamAPIException) as refused:
                await change
            assert refused.value.status_code == 500
        journal._raw.cursor().execute("PRAGMA query_only=OFF")
        state = await channel.query(messages={"limit": 10})
        assert [(message["id"], message["text"]) for message in state["messages"]] == [("before", "stored")]
        assert state["messages"][0]["user"]["name"] == "Alice"
        await channel.send_message({"id": "lost", "text": "at last"}, "alice")
