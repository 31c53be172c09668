"""How many messages a second the sandbox takes, against a bare server of the same web stack that only answers 201.

Goals: a third of the bare server's rate in memory, a fifth on SQLite. The server and this load share the machine, each
with a process of its own; the load writes ready bytes and looks at no more of an answer than its status and length.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import quote

import jwt
import orjson
import uvloop

KEY, SECRET = "benchmark", "benchmark-secret-of-more-than-32-characters"
SECONDS = 2.0
ROUNDS = 3
CONNECTIONS = (1, 10, 100)
WATCHERS = (1, 1000)
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

sockets = set()

async def send(request):
    await request.body()
    for socket in sockets:
        await socket.send_text(FRAME)
    return JSONResponse({"message": {}}, 201)

async def connect(socket):
    await socket.accept()
    sockets.add(socket)
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    finally:
        sockets.discard(socket)

FRAME = '{"type":"message.new","message":"' + "x" * 1400 + '"}'
routes = [Route("/channels/{type}/{id}/message", send, methods=["POST"]), WebSocketRoute("/connect", connect)]
app = Starlette(routes=routes)
config = uvicorn.Config(app, port=0, log_level="warning", access_log=False, lifespan="off", ws="websockets-sansio",
                        ws_per_message_deflate=False, ws_ping_interval=None)

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("bare ready http://127.0.0.1:%d" % self.servers[0].sockets[0].getsockname()[1], flush=True)

Server(config).run()
"""
_TOKEN = jwt.encode({"server": True}, SECRET, algorithm="HS256")


def request(method: str, path: str, body: object) -> bytes:
    """An HTTP request, ready to be written again and again."""
    raw = orjson.dumps(body)
    head = (
        f"{method} {path}?api_key={KEY} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {_TOKEN}\r\n"
        f"stream-auth-type: jwt\r\nX-Stream-Client: benchmark\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


SEND = request("POST", "/channels/messaging/c/message", {"message": {"text": "hello there", "user_id": "alice"}})


class Caller(asyncio.Protocol):
    """One connection that sends the same request as soon as the last was answered."""

    def __init__(self, raw: bytes, until: float) -> None:
        self.raw, self.until = raw, until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered = 0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.raw)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._got[:end].lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self._got) < end + 4 + length:
            return
        assert self._got.startswith((b"HTTP/1.1 201", b"HTTP/1.1 200")), self._got[:400]
        self._got = b""
        self.answered += 1
        if time.perf_counter() < self.until:
            self.transport.write(self.raw)
        else:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server hung up"))


class Watcher(asyncio.Protocol):
    """One WebSocket; counts the frames that it gets, by their headers."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.frames = 0
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            f"GET {self.address} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._buffer.startswith(b"HTTP/1.1 101"), bytes(self._buffer)
            self._open = True
            del self._buffer[: end + 4]
        while len(self._buffer) > 10:
            size = self._buffer[1]
            start = 2
            if size == 126:
                size, start = int.from_bytes(self._buffer[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(self._buffer[2:10], "big"), 10
            if len(self._buffer) < start + size:
                return
            if not self.first.done():
                self.first.set_result(bytes(self._buffer[start : start + size]))
            del self._buffer[: start + size]
            self.frames += 1


@dataclass
class Server:
    """A server under load, in a process of its own."""

    process: Process
    port: int
    watchers: list[Watcher] = field(default_factory=list)

    @classmethod
    async def start(cls, command: list[str]) -> Server:
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        return cls(process, int(line.rsplit(":", 1)[1]))

    async def call(self, method: str, path: str, body: object) -> None:
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(
            lambda: Caller(request(method, path, body), 0.0), "127.0.0.1", self.port
        )
        await caller.done

    async def rate(self, connections: int) -> float:
        """Answers a second over some seconds."""
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        callers = [
            (await loop.create_connection(lambda: Caller(SEND, began + SECONDS), "127.0.0.1", self.port))[1]
            for _ in range(connections)
        ]
        await asyncio.gather(*(caller.done for caller in callers))
        return sum(caller.answered for caller in callers) / (time.perf_counter() - began)

    async def watch(self, address: str) -> Watcher:
        loop = asyncio.get_running_loop()
        _, watcher = await loop.create_connection(lambda: Watcher(address), "127.0.0.1", self.port)
        self.watchers.append(watcher)
        return watcher

    async def fan_out(self) -> tuple[float, float]:
        """Sends a second over one connection, and frames a second that the watchers got, all of them counted."""
        before = sum(watcher.frames for watcher in self.watchers)
        began = time.perf_counter()
        rate = await self.rate(1)
        seen = before
        for _ in range(600):  # what is still under way when the last send was answered counts, too
            await asyncio.sleep(0.1)
            last, seen = seen, sum(watcher.frames for watcher in self.watchers)
            if seen == last:
                break
        return rate, (seen - before) / (time.perf_counter() - began)

    async def stop(self) -> None:
        for watcher in self.watchers:
            watcher.transport.abort()
        self.process.terminate()
        await self.process.wait()


async def sandbox(data: str) -> Server:
    """A sandbox with a channel of two."""
    command = ["-m", "framework", "sandbox", "--port", "0", "--api-key", KEY, "--api-secret", SECRET, "--data", data]
    server = await Server.start(command)
    await server.call("POST", "/users", {"users": {name: {"id": name} for name in ("alice", "bob")}})
    channel = {"data": {"members": ["alice", "bob"], "created_by_id": "alice"}}
    await server.call("POST", "/channels/messaging/c/query", channel)
    return server


async def watch_sandbox(server: Server, amount: int) -> None:
    """Connections of as many members, all watching the channel."""
    names = [f"w{number}" for number in range(amount)]
    for start in range(0, amount, 100):
        page = names[start : start + 100]
        await server.call("POST", "/users", {"users": {name: {"id": name} for name in page}})
        await server.call("POST", "/channels/messaging/c", {"add_members": page})
    for name in names:
        token = jwt.encode({"user_id": name}, SECRET, algorithm="HS256")
        hello = quote(orjson.dumps({"user_id": name, "user_details": {"id": name}}).decode())
        watcher = await server.watch(f"/connect?json={hello}&api_key={KEY}&authorization={token}&stream-auth-type=jwt")
        connection = orjson.loads(await watcher.first)["connection_id"]
        body = {"watch": True, "state": False, "connection_id": connection, "user_id": name}
        await server.call("POST", "/channels/messaging/c/query", body)


async def measure() -> None:
    """Sends a second at each number of connections, and at each number of watchers."""
    with tempfile.TemporaryDirectory() as folder:
        makers: dict[str, Callable[[], Awaitable[Server]]] = {
            "bare": lambda: Server.start(["-c", BARE]),
            "memory": lambda: sandbox(":memory:"),
            "sqlite": lambda: sandbox(str(Path(folder) / f"{time.time_ns()}.sqlite")),
        }
        rates: dict[str, list[list[float]]] = {name: [] for name in makers}
        for _ in range(ROUNDS):
            for name, make in makers.items():
                server = await make()
                rates[name].append([await server.rate(amount) for amount in CONNECTIONS])
                await server.stop()
        print(f"load average {os.getloadavg()[0]:.1f}; sends a second, median of {ROUNDS}")
        print("connections       " + "".join(f"{amount:>16}" for amount in CONNECTIONS))
        bare = [statistics.median(column) for column in zip(*rates["bare"], strict=True)]
        for name, rounds in rates.items():
            medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
            cells = [f"{rate:8.0f} ({rate / limit:4.0%})" for rate, limit in zip(medians, bare, strict=True)]
            print(f"{name:<18}" + "".join(f"{cell:>16}" for cell in cells))
        print("fan-out: sends a second on one connection (frames a second to all watchers)")
        for name, make in makers.items():
            cells = []
            for amount in WATCHERS:
                server = await make()
                if name == "bare":
                    for _ in range(amount):
                        await server.watch("/connect")
                else:
                    await watch_sandbox(server, amount)
                rate, frames = await server.fan_out()
                cells.append(f"{amount:>5} watchers {rate:7.0f} ({frames:7.0f})")
                await server.stop()
            print(f"{name:<10}" + "".join(f"{cell:>36}" for cell in cells))


def main() -> None:
    """Measure and print."""
    uvloop.run(measure())


if __name__ == "__main__":
    main()
