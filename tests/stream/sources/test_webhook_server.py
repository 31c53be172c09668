"""Serving webhooks: from the sandbox's hooks to the inbox, and how serving begins and ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from framework.errors import EngineError, SettingsError
from framework.sandbox.kernel.faults import Fault
from framework.sandbox.kernel.webhooks.sender import WebhookPatience
from framework.settings import Settings
from framework.stream.events import concerns
from framework.stream.model import (
    Connected,
    CustomEvent,
    Event,
    MemberAdded,
    MessageDeleted,
    MessageNew,
    MessageUpdated,
    ReactionNew,
    RemovedFromChannel,
    StopRequested,
)
from framework.stream.sources.webhook_server import webhook_server
from tests.support.stages import BOT, Inbox, StreamStage, settings_for
from tests.support.waiting import PATIENCE, until


class Intake:
    """An inbox that refuses what a test says, as often as it says, and keeps the rest."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.asked: Counter[str] = Counter()
        self.refuse: Callable[[str, int], bool] = lambda _text, _asked: False

    async def take(self, event: Event) -> None:
        if isinstance(event, MessageNew):
            text = event.message.text
            self.asked[text] += 1
            if self.refuse(text, self.asked[text]):
                raise EngineError("not now")
        self.taken.append(event)

    @property
    def texts(self) -> list[str]:
        return [event.message.text for event in self.taken if isinstance(event, MessageNew)]


@asynccontextmanager
async def hooked(
    stream: StreamStage, take: Callable[[Event], Awaitable[None]], *events: str, **app: Any
) -> AsyncIterator[str]:
    """A webhook server that the sandbox tells of these events, or of everything."""
    stream.running.sandbox.webhooks.patience = WebhookPatience(
        attempt=PATIENCE, whole=3 * PATIENCE, pauses=(0.01, 0.01), held=10.0
    )
    settings = settings_for(stream.running, webhook="127.0.0.1:0")
    async with webhook_server(settings, inbox=take, ready=lambda: True) as address:
        assert address is not None
        hook = {"hook_type": "webhook", "enabled": True, "webhook_url": address + "/webhooks/stream"}
        await stream.sdk.update_app_settings(event_hooks=[{**hook, "event_types": list(events)}], **app)
        yield address


@pytest.mark.parametrize("packed", [False, True])
async def test_every_message_of_the_app_arrives_once_whatever_is_refused_at_first(
    stream: StreamStage, packed: bool, logs: Any
) -> None:
    intake = Intake()
    intake.refuse = lambda text, asked: text.endswith(("1", "4", "7")) and asked <= 2
    async with hooked(stream, intake.take, "message.new", enable_hook_payload_compression=packed):
        # The bot is a member of neither: a webhook tells of the whole app.
        rooms = [await stream.room(), await stream.room()]
        for n in range(10):
            await stream.post(rooms[n % 2], f"question {n}")
        await stream.running.sandbox.webhooks.settle()
    assert sorted(intake.texts) == [f"question {n}" for n in range(10)]
    assert {n for n, asked in intake.asked.items() if asked == 3} == {"question 1", "question 4", "question 7"}
    assert "question" not in repr([entry for entry in logs if entry["event"].startswith(("webhook", "delivery"))])


async def test_deliveries_that_are_doubled_by_the_service_are_handed_on_once(stream: StreamStage) -> None:
    intake = Intake()
    room = await stream.room()
    async with hooked(stream, intake.take, "message.new"):
        stream.running.sandbox.faults.add(Fault("message.new", webhook="duplicate", count=3))
        for n in range(3):
            await stream.post(room, f"question {n}")
        await stream.running.sandbox.webhooks.settle()
    assert sorted(intake.texts) == ["question 0", "question 1", "question 2"]


async def test_events_that_come_in_another_order_all_arrive(stream: StreamStage) -> None:
    intake = Intake()
    room = await stream.room()
    async with hooked(stream, intake.take, "message.new"):
        stream.running.sandbox.faults.add(Fault("message.new", webhook="reorder", count=2))
        for n in range(4):
            await stream.post(room, f"question {n}")
        await stream.running.sandbox.webhooks.settle()
    assert sorted(intake.texts) == [f"question {n}" for n in range(4)]
    assert intake.texts != sorted(intake.texts)


async def test_all_that_triggers_arrives(stream: StreamStage) -> None:
    intake = Intake()
    async with hooked(stream, intake.take):
        room = await stream.room()
        message_id = await stream.post(room, "hello", custom={"action": "confirm"})
        await stream.react(message_id, "like")
        await stream.join(room, "ben")
        await stream.send_event(room, "order.shipped", number=7)
        await stream.command(room, "ticket", "open it")
        await stream.running.sandbox.webhooks.settle()
    # Members who do not watch are told too, which a webhook repeats: the same message, whatever tells of it.
    messages = [event.message for event in intake.taken if isinstance(event, MessageNew)]
    assert len(messages) == 4
    hello, ticket = sorted({message.id: message for message in messages}.values(), key=lambda m: m.created_at)
    assert (hello.custom, ticket.command, ticket.text) == ({"action": "confirm"}, "ticket", "open it")
    assert [(e.message_id, e.kind) for e in intake.taken if isinstance(e, ReactionNew)] == [(message_id, "like")]
    assert [e.user.id for e in intake.taken if isinstance(e, MemberAdded)] == ["ben"]
    assert [(e.kind, e.data) for e in intake.taken if isinstance(e, CustomEvent)] == [("order.shipped", {"number": 7})]


async def test_the_connection_and_the_webhook_tell_the_same(stream: StreamStage) -> None:
    intake, inbox = Intake(), Inbox(stream.service)
    await inbox.next(Connected)
    async with hooked(stream, intake.take):
        room = await stream.room()
        await stream.service.join([room])
        await stream.service.watch([room], limit=1)
        message_id = await stream.post(room, "hello", custom={"action": "confirm"})
        await stream.post(room, "in a thread", parent_id=message_id)
        await stream.edit(message_id, "hello again")
        await stream.react(message_id, "like")
        await stream.join(room, "ben")
        await stream.leave(room, "ben")
        await stream.send_event(room, "order.shipped", number=7)
        await stream.stop(room)
        await stream.delete(message_id)
        await stream.expel(room)
        await stream.running.sandbox.webhooks.settle()
        await until(lambda: any(isinstance(event, RemovedFromChannel) for event in inbox.seen))
    await inbox.stop()
    heard = inbox.seen
    kinds = {type(event) for event in heard}
    assert {MessageNew, MessageUpdated, MessageDeleted, ReactionNew, MemberAdded, CustomEvent, StopRequested} < kinds
    told = [event for event in intake.taken if concerns(event, BOT)]
    assert [event for event in heard if event not in told] == []
    assert [event for event in told if type(event) not in kinds] == []


async def test_nothing_is_served_where_no_address_is_set(stream: StreamStage) -> None:
    async with webhook_server(settings_for(stream.running), inbox=Intake().take, ready=lambda: True) as address:
        assert address is None


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingsError, match=f"{where}: Address already in use") as caught:
            async with webhook_server(settings_at(where), inbox=Intake().take, ready=lambda: True):
                pass
    assert "FRAMEWORK_WEBHOOK" in str(caught.value)


@pytest.mark.parametrize("where", ["no-such-host.invalid:8080", "192.0.2.1:8080"])
async def test_an_address_that_is_not_ours_is_named(where: str) -> None:
    with pytest.raises(SettingsError, match=where):
        async with webhook_server(settings_at(where), inbox=Intake().take, ready=lambda: True):
            pass


async def test_needs_the_secret() -> None:
    settings = Settings(_env_file=None, webhook="127.0.0.1:0", stream_api_key=None, stream_api_secret=None)
    with pytest.raises(SettingsError, match="secret"):
        async with webhook_server(settings, inbox=Intake().take, ready=lambda: True):
            pass


async def test_signals_and_logging_stay_as_they_were() -> None:
    def state() -> Any:
        loggers = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.error")]
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            [(logger.handlers[:], logger.propagate) for logger in loggers],
            loggers[0].level,
        )

    before = state()
    async with webhook_server(settings_at("127.0.0.1:0"), inbox=Intake().take, ready=lambda: True):
        assert state() == before
    assert state() == before


async def test_serves_on_ipv6_and_at_another_path() -> None:
    settings = settings_at("[::1]:0", webhook_path="/hook")
    async with (
        webhook_server(settings, inbox=Intake().take, ready=lambda: False) as address,
        aiohttp.ClientSession() as http,
    ):
        assert address is not None
        assert address.startswith("http://[::1]:")
        assert (await http.get(address + "/healthz")).status == 200
        assert (await http.get(address + "/readyz")).status == 503
        assert (await http.post(address + "/hook")).status == 401
        assert (await http.post(address + "/webhooks/stream")).status == 404


async def test_ends_with_what_is_under_way_finished_and_nothing_new_begun(stream: StreamStage) -> None:
    came, may, taken = asyncio.Event(), asyncio.Event(), []

    async def take(event: Event) -> None:
        came.set()
        await may.wait()
        taken.append(event)

    room = await stream.room()
    end = asyncio.Event()

    async def serve(listening: asyncio.Future[str]) -> None:
        async with hooked(stream, take, "message.new") as address:
            listening.set_result(address)
            await end.wait()

    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(listening))
    address = await listening
    await stream.post(room, "hello")
    await came.wait()
    end.set()
    await until_refused(address)
    assert not serving.done()
    assert taken == []
    may.set()
    await serving
    assert len(taken) == 1
    await stream.running.sandbox.webhooks.settle()
    assert len(taken) == 1


async def until_refused(address: str) -> None:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
        while True:
            try:
                await (await http.get(address + "/healthz")).read()
            except aiohttp.ClientConnectorError:
                return
            except aiohttp.ClientConnectionError:  # it waited to be accepted when the listener was closed
                continue
            await asyncio.sleep(0.01)


def settings_at(where: str, **changes: Any) -> Settings:
    return Settings(_env_file=None, stream_api_key="key", stream_api_secret="s" * 32, webhook=where, **changes)
