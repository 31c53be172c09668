"""The event connection: kept alive, rebuilt, refused; and no token in any log."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from pydantic import SecretStr

from framework.errors import ChatServiceError
from framework.sandbox.kernel.faults import Fault
from framework.stream.credentials import Credentials
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef, Connected, Disconnected, MessageNew
from framework.stream.sources.socket import EventSocket, Lost, Opened
from framework.stream.timing import Timing
from tests.support.ports import free_port
from tests.support.sandbox import start_sandbox
from tests.support.stages import Identity, Inbox, StreamStage, hasty, official_sdk, settings_for
from tests.support.virtual_time import EPOCH, VirtualLoop, virtual_timing
from tests.support.waiting import until

SECRET = "a-secret-of-thirty-two-characters-or-more"


class Line:
    """A service that does to a connection what a test says, and notes what it gets."""

    def __init__(self) -> None:
        self.url = ""
        self.hellos: list[dict[str, str]] = []
        self.received: list[Any] = []
        self.closed_with: list[int | None] = []
        self.firsts: list[dict[str, Any]] = []
        self.live: list[web.WebSocketResponse] = []
        self.pings = asyncio.Event()
        self.answers_pings = True
        self.greets = True
        self.ends: list[int] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.hellos.append(dict(request.query))
        if not self.greets:
            await ws.receive()
            return ws
        first = self.firsts.pop(0) if self.firsts else {"type": "health.check"}
        if first["type"] == "health.check":
            first = {**first, "connection_id": f"c-{len(self.hellos)}"}
        await ws.send_json(first)
        if first["type"] == "connection.error":
            await ws.close(code=4000)
            return ws
        self.live.append(ws)
        if self.ends:
            await ws.close(code=self.ends.pop(0))
        async for message in ws:
            self.received.append(json.loads(message.data))
            self.pings.set()
            if self.answers_pings:
                await ws.send_json({"type": "health.check", "connection_id": "c"})
                await ws.send_json({"type": "marker"})
        self.closed_with.append(ws.close_code)
        return ws


@asynccontextmanager
async def listening() -> AsyncIterator[Line]:
    line = Line()
    app = web.Application()
    app.router.add_get("/connect", line.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    line.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield line
    await runner.cleanup()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with listening() as line:
        yield line


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class ManualTime:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.time + seconds, future))
        await future

    async def until_asleep(self, count: int = 1) -> None:
        await until(lambda: sum(not future.done() for _, future in self._sleepers) >= count)

    def move(self, seconds: float) -> None:
        self.time += seconds
        for due, future in self._sleepers:
            if due <= self.time and not future.done():
                future.set_result(None)

    def timing(self, **changes: Any) -> Timing:
        return Timing(**{"monotonic": lambda: self.time, "sleep": self.sleep, "uniform": lambda low, _: low, **changes})


def socket_on(line: Line, session: aiohttp.ClientSession, timing: Timing) -> EventSocket:
    credentials = Credentials("key", SecretStr(SECRET), "agent-bot", now=timing.now)
    return EventSocket(lambda: session, line.url, credentials, timing)


async def test_connects_as_the_service_asks(line: Line, session: aiohttp.ClientSession) -> None:
    socket = socket_on(line, session, hasty())
    frames = socket.frames()
    assert await anext(frames) == Opened("c-1", again=False)
    assert socket.connection_id == "c-1"
    await socket.close()
    (hello,) = line.hellos
    assert {name for name in hello if name != "json"} == {
        "api_key",
        "authorization",
        "stream-auth-type",
        "X-Stream-Client",
    }
    told = json.loads(hello["json"])
    assert told.pop("client_request_id")
    assert told == {"user_id": "agent-bot", "user_details": {"id": "agent-bot"}}
    assert [frame async for frame in frames] == []
    assert socket.connection_id is None


async def test_pings_25_seconds_after_each_health_check(line: Line, session: aiohttp.ClientSession) -> None:
    time = ManualTime()
    socket = socket_on(line, session, time.timing())
    frames = socket.frames()
    await anext(frames)
    await time.until_asleep()
    time.move(24.9)
    await time.until_asleep()
    assert line.received == []
    time.move(0.1)
    for pings in (1, 2, 3):
        # The frame that follows the answer to the ping: by then the answer has been heard.
        assert await anext(frames) == {"type": "marker"}
        assert len(line.received) == pings
        (ping,) = line.received[-1]
        assert ping["type"] == "health.check"
        assert ping["client_id"].startswith("agent-bot--")
        await time.until_asleep()
        time.move(25)
    await socket.close()


async def test_reconnects_after_35_seconds_of_silence_and_not_for_good(
    line: Line, session: aiohttp.ClientSession
) -> None:
    time = ManualTime()
    line.answers_pings = False
    socket = socket_on(line, session, time.timing())
    frames = socket.frames()
    await anext(frames)
    await time.until_asleep()
    time.move(25)
    await line.pings.wait()
    await time.until_asleep()
    time.move(10)
    assert await anext(frames) == Lost("silent for 35 s")
    assert socket.connection_id is None
    await time.until_asleep()
    time.move(0.25)
    assert await anext(frames) == Opened("c-2", again=True)
    assert line.closed_with == [aiohttp.WSCloseCode.GOING_AWAY]
    await socket.close()


async def test_waits_longer_before_each_try(session: aiohttp.ClientSession) -> None:
    bounds: list[tuple[float, float]] = []

    def note(low: float, high: float) -> float:
        bounds.append((low, high))
        if len(bounds) == 15:
            done.set()
        return 0.0

    done = asyncio.Event()
    nowhere = Line()
    nowhere.url = "http://127.0.0.1:1"
    socket = socket_on(nowhere, session, Timing(uniform=note))
    task = asyncio.ensure_future(anext(socket.frames()))
    await done.wait()
    await socket.close()
    with pytest.raises(StopAsyncIteration):
        await task
    assert bounds[:4] == [(0.25, 2.5), (2.0, 4.5), (4.0, 6.5), (6.0, 8.5)]
    # For ever between these two: an outage ends for all clients at once, and they must not return at once.
    assert bounds[14] == (12.5, 25.0)
    assert all(high - low >= 2.25 for low, high in bounds)


async def test_a_refusal_ends_the_events_with_its_reason(line: Line, session: aiohttp.ClientSession) -> None:
    error = {"code": 43, "message": "signature is not valid", "StatusCode": 401}
    line.firsts = [{"type": "connection.error", "error": error}]
    socket = socket_on(line, session, hasty())
    with pytest.raises(ChatServiceError, match="secret does not belong"):
        await anext(socket.frames())
    await socket.close()


async def test_a_passing_failure_is_tried_again(line: Line, session: aiohttp.ClientSession) -> None:
    error = {"code": -1, "message": "internal", "StatusCode": 500}
    line.firsts = [{"type": "connection.error", "error": error}, {"type": "nonsense"}]
    socket = socket_on(line, session, hasty())
    assert await anext(socket.frames()) == Opened("c-3", again=False)
    await socket.close()


async def test_a_token_that_ended_is_renewed_at_once(line: Line, session: aiohttp.ClientSession) -> None:
    line.firsts = [{"type": "connection.error", "error": {"code": 40, "message": "expired", "StatusCode": 401}}]
    now = iter(range(100))
    started = Timing().now()
    socket = socket_on(line, session, Timing(now=lambda: started + timedelta(seconds=next(now))))
    assert await anext(socket.frames()) == Opened("c-2", again=False)
    first, second = (hello["authorization"] for hello in line.hellos)
    assert first != second
    await socket.close()


async def test_frames_that_are_no_json_are_dropped(line: Line, session: aiohttp.ClientSession, logs: Any) -> None:
    socket = socket_on(line, session, hasty())
    frames = socket.frames()
    await anext(frames)
    for text in ("{", "[]", '"hello"', "[" * 100_000, '{"type": "message.new", "n": 1}'):
        await line.live[0].send_str(text)
    assert await anext(frames) == {"type": "message.new", "n": 1}
    assert [entry["event"] for entry in logs] == ["stream.frame_dropped"] * 4
    await socket.close()


Story = Callable[[Line, EventSocket], Coroutine[Any, Any, None]]


def in_virtual_time(story: Story, **timing: Any) -> None:
    """Hours on a real connection, in moments."""

    async def tell() -> None:
        async with listening() as line, aiohttp.ClientSession() as session:
            socket = socket_on(line, session, dataclasses.replace(virtual_timing(), **timing))
            await story(line, socket)
            await socket.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(tell())


def now() -> float:
    return asyncio.get_running_loop().time()


def test_an_idle_connection_lives_on_and_a_half_open_one_for_35_seconds() -> None:
    async def story(line: Line, socket: EventSocket) -> None:
        frames = socket.frames()
        assert await anext(frames) == Opened("c-1", again=False)
        while now() < 1800:
            assert await anext(frames) == {"type": "marker"}
        assert len(line.received) == 1800 // 25
        line.answers_pings = False
        heard_at = now()
        assert await anext(frames) == Lost("silent for 35 s")
        assert 35 <= now() - heard_at < 35.1
        assert await anext(frames) == Opened("c-2", again=True)

    in_virtual_time(story)


def test_a_service_that_takes_the_connection_and_says_nothing_is_left_and_tried_again(logs: Any) -> None:
    async def story(line: Line, socket: EventSocket) -> None:
        line.greets = False
        first = asyncio.ensure_future(anext(socket.frames()))
        await asyncio.sleep(60)
        assert len(line.hellos) >= 3
        assert {entry["reason"] for entry in logs} == {"no answer in time"}
        line.greets = True
        assert isinstance(await first, Opened)

    in_virtual_time(story)


def test_a_machine_that_takes_connections_and_never_answers_is_left(logs: Any) -> None:
    taken: list[asyncio.StreamWriter] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    async def story(line: Line, socket: EventSocket) -> None:
        server = await asyncio.start_server(take, "127.0.0.1", 0)
        url, line.url = line.url, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        socket._base_url = line.url
        first = asyncio.ensure_future(anext(socket.frames()))
        await asyncio.sleep(60)
        assert len(taken) >= 3
        assert {entry["reason"] for entry in logs} == {"no answer in time"}
        socket._base_url = url
        assert isinstance(await first, Opened)
        for writer in taken:
            writer.close()
        server.close()

    in_virtual_time(story)


def test_every_end_of_a_connection_is_followed_by_another_one() -> None:
    async def story(line: Line, socket: EventSocket) -> None:
        frames = socket.frames()
        await anext(frames)
        for number, code in enumerate((1000, 1001, 1006, 1011, 1012, 4000), start=2):
            await asyncio.sleep(10)
            if code == 1006:
                transport = line.live[-1]._req.transport  # type: ignore[union-attr]  # a live connection has both
                assert transport is not None
                transport.abort()
            else:
                await line.live[-1].close(code=code)
            lost_at = now()
            lost = await anext(frames)
            assert isinstance(lost, Lost)
            assert code == 1006 or lost == Lost(f"closed by the service (code {code})")
            assert socket.connection_id is None
            # It is watched again, and what was missed looked for, each time.
            assert await anext(frames) == Opened(f"c-{number}", again=True)
            assert now() - lost_at < 2.5

    in_virtual_time(story)


def test_a_service_that_throws_us_out_each_time_is_asked_ever_less_often() -> None:
    waits: list[float] = []

    def wait_long(_low: float, high: float) -> float:
        waits.append(high)
        return high

    async def story(line: Line, socket: EventSocket) -> None:
        line.ends = [1000] * 20
        frames = socket.frames()
        while line.ends:
            await anext(frames)
        assert waits[:3] == [2.5, 4.5, 6.5]
        assert waits[-1] == 25.0
        while True:
            if isinstance(await anext(frames), Opened) and len(line.hellos) > 20:
                break
        await asyncio.sleep(5)
        await line.live[-1].close(code=1000)
        while not isinstance(await anext(frames), Opened):
            pass
        assert waits[-1] == 2.5

    in_virtual_time(story, uniform=wait_long)


def test_a_token_that_ends_while_connected_is_renewed_and_nothing_is_lost() -> None:
    async def story(line: Line, socket: EventSocket) -> None:
        frames = socket.frames()
        await anext(frames)
        while now() < 3600:
            await anext(frames)
        await line.live[-1].send_json({"type": "message.new", "n": 1})
        error = {"code": 40, "message": "token is expired", "StatusCode": 401}
        await line.live[-1].send_json({"type": "connection.error", "error": error})
        assert await anext(frames) == {"type": "message.new", "n": 1}
        lost = await anext(frames)
        assert isinstance(lost, Lost)
        assert "expired" in lost.reason
        assert await anext(frames) == Opened("c-2", again=True)
        await line.live[-1].send_json({"type": "message.new", "n": 2})
        assert await anext(frames) == {"type": "message.new", "n": 2}
        first, second = (
            jwt.decode(hello["authorization"], options={"verify_signature": False})["exp"] for hello in line.hellos
        )
        assert first < EPOCH.timestamp() + now() < second

    in_virtual_time(story)


async def test_a_defect_ends_the_events_instead_of_hanging(
    line: Line, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = socket_on(line, session, hasty())
    monkeypatch.setattr(socket, "_url", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await anext(socket.frames())
    await socket.close()


async def test_survives_a_restart_of_the_server(tmp_path: Any, logs: Any) -> None:
    data, port = str(tmp_path / "sandbox.db"), free_port()
    async with start_sandbox(data, port=port) as running, official_sdk(running) as sdk:
        service = open_chat_service(settings_for(running), Identity(), timing=hasty(uniform=lambda _low, _high: 0.02))
        await service.open()
        inbox = Inbox(service)
        await inbox.next(Connected)
        channel = ChannelRef("messaging", "support-1")
        await service.create_channel(channel)
        await service.watch([channel], limit=1)
    await inbox.next(Disconnected)
    with pytest.raises(ChatServiceError) as caught:
        await service.watch([channel], limit=1)
    assert caught.value.retryable
    async with start_sandbox(data, port=port) as running, official_sdk(running) as sdk:
        assert await inbox.next(Connected) == Connected(again=True)
        (state,) = await service.watch([channel], limit=1)
        assert state.joined_at is not None
        await sdk.channel(channel.type, channel.id).send_message({"text": "still there?"}, "ann")
        assert (await inbox.next(MessageNew)).message.text == "still there?"
        await service.close()
        await inbox.end()


async def test_a_token_that_ended_is_replaced_before_anyone_notices(stream: StreamStage) -> None:
    credentials = stream.service._client.credentials  # type: ignore[attr-defined]  # a test looks inside

    def let_the_token_end() -> None:
        claims = {"user_id": "agent-bot", "exp": int(Timing().now().timestamp()) - 60}
        credentials._token = jwt.encode(claims, stream.running.api_secret, algorithm="HS256")

    credentials.user_token()
    let_the_token_end()
    inbox = Inbox(stream.service)
    assert await inbox.next(Connected) == Connected(again=False)
    channel = await stream.room()
    await stream.service.join([channel])
    let_the_token_end()
    assert len(await stream.service.watch([channel], limit=1)) == 1
    refused = [call["status"] for call in stream.running.sandbox.log.view("QueryChannels")][-2:]
    assert refused == [401, 201] or refused == [401, 200]
    let_the_token_end()
    await stream.drop()
    assert await inbox.next(Connected) == Connected(again=True)
    await inbox.stop()


def _expired() -> Fault:
    return Fault("QueryChannels", status=401, code=40)


async def test_a_stale_clock_does_not_keep_the_bot_out(stream: StreamStage, logs: Any) -> None:
    behind = Timing().now() - timedelta(hours=5)
    service = open_chat_service(settings_for(stream.running), Identity(), timing=hasty(now=lambda: behind))
    await service.open()
    inbox = Inbox(service)
    await inbox.next(Connected)
    await service.close()
    (entry,) = [entry for entry in logs if entry["event"] == "stream.clock_skew"]
    assert 5 * 3600 - 30 < entry["seconds"] < 5 * 3600 + 30


async def test_no_token_and_no_secret_is_logged(stream: StreamStage, logs: Any) -> None:
    inbox = Inbox(stream.service)
    await inbox.next(Connected)
    token = stream.service._client.credentials.user_token()  # type: ignore[attr-defined]  # a test looks inside
    await stream.drop()
    await inbox.next(Connected)
    stream.running.sandbox.faults.add(_expired())
    await stream.service.find_channels("messaging")
    await inbox.stop()
    text = repr(logs)
    assert "stream.reconnect" in text
    assert token not in text
    assert token.split(".")[2] not in text
    assert stream.running.api_secret not in text


async def test_a_handshake_that_fails_tells_no_token(session: aiohttp.ClientSession, logs: Any) -> None:
    from tests.support.answers import answering

    async with answering() as answers:
        answers.give(502, "bad gateway")
        nowhere = Line()
        nowhere.url = answers.url
        socket = socket_on(nowhere, session, hasty(uniform=lambda _low, _high: 0.01))
        task = asyncio.ensure_future(anext(socket.frames()))
        await until(lambda: len(logs) >= 3)
        await socket.close()
        with pytest.raises(StopAsyncIteration):
            await task
    assert {entry["reason"] for entry in logs} == {"HTTP 502 instead of a WebSocket"}
