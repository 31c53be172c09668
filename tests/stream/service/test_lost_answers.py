"""Calls whose answers get lost, before or after they took effect: every write happens once, and says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest

from framework.errors import ChatServiceError
from framework.sandbox.kernel.faults import Fault
from framework.settings import Settings
from framework.stream.client import StreamApp
from framework.stream.factory import open_chat_service
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.stream.service import StreamChatService
from framework.stream.timing import Timing
from tests.support.stages import Identity, StreamStage, hasty, settings_for

When = Literal["before", "after"]
WHEN = pytest.mark.parametrize("when", ["before", "after"])


def lose(stream: StreamStage, operation: str, when: When, count: int = 2) -> None:
    stream.running.sandbox.faults.add(Fault(operation, drop=when, count=count))


@pytest.fixture
async def channel(stream: StreamStage) -> ChannelRef:
    channel = await stream.room()
    await stream.service.join([channel])
    return channel


@WHEN
async def test_a_post_stands_once_with_its_text(stream: StreamStage, channel: ChannelRef, when: When) -> None:
    lose(stream, "SendMessage", when)
    sent = await stream.service.send(channel, OutgoingMessage("r-1", "hi"))
    assert (sent.id, sent.text) == ("r-1", "hi")
    assert [message.text for message in await stream.service.recent(channel, limit=5)] == ["hi"]


async def test_a_post_whose_text_grew_between_the_tries_is_still_ours(stream: StreamStage, channel: ChannelRef) -> None:
    lose(stream, "SendMessage", "after", count=1)
    texts = iter(["One", "One two"])
    outgoing = OutgoingMessage("r-1", "One", generating=True)
    sent = await stream.service.send(channel, outgoing, newest=lambda: next(texts))
    assert (sent.id, sent.text) == ("r-1", "One")


async def test_a_post_that_waited_goes_with_its_newest_text(stream: StreamStage, channel: ChannelRef) -> None:
    lose(stream, "SendMessage", "before", count=1)
    texts = iter(["One", "One two"])
    outgoing = OutgoingMessage("r-1", "One", generating=True)
    assert (await stream.service.send(channel, outgoing, newest=lambda: next(texts))).text == "One two"


@WHEN
async def test_the_final_text_is_stored(stream: StreamStage, channel: ChannelRef, when: When) -> None:
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    lose(stream, "UpdateMessagePartial", when)
    await stream.service.update_message("r-1", text="Hello", generating=False, custom={"outcome": "answered"})
    (stored,) = await stream.service.recent(channel, limit=5)
    assert (stored.text, stored.generating, stored.custom["outcome"]) == ("Hello", False, "answered")


@WHEN
async def test_a_deletion_deletes(stream: StreamStage, channel: ChannelRef, when: When) -> None:
    await stream.service.send(channel, OutgoingMessage("r-1", "…"))
    lose(stream, "DeleteMessage", when)
    await stream.service.delete("r-1")
    assert await stream.service.recent(channel, limit=5) == ()


@WHEN
async def test_a_lost_sketch_is_left_out_and_does_no_harm(stream: StreamStage, channel: ChannelRef, when: When) -> None:
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    lose(stream, "EphemeralMessageUpdate", when, count=1)
    await stream.service.turn_to_stream("r-1", first=True)
    assert not await stream.service.stream_update(channel, "r-1", text="Hel")
    await stream.service.update_message("r-1", text="Hello", generating=False, custom={})
    (stored,) = await stream.service.recent(channel, limit=5)
    assert (stored.text, stored.generating) == ("Hello", False)


@pytest.mark.parametrize("write", ["send", "update_message", "delete"])
async def test_what_is_checked_before_a_write_is_checked_again_before_each_try(
    stream: StreamStage, channel: ChannelRef, write: str
) -> None:
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    operation = {"send": "SendMessage", "update_message": "UpdateMessagePartial", "delete": "DeleteMessage"}[write]
    # Where a method may be repeated, aiohttp does so once by itself.
    lose(stream, operation, "before", count=1 if write == "send" else 2)
    checks = 0

    async def check() -> None:
        nonlocal checks
        checks += 1
        if checks == 2:
            raise PermissionError("taken over")

    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "send": lambda: stream.service.send(channel, OutgoingMessage("r-2", "hi"), check=check),
        "update_message": lambda: stream.service.update_message(
            "r-1", text="late", generating=False, custom={}, check=check
        ),
        "delete": lambda: stream.service.delete("r-1", check=check),
    }
    with pytest.raises(PermissionError):
        await calls[write]()
    assert checks == 2
    (stored,) = await stream.service.recent(channel, limit=5)
    assert (stored.id, stored.text) == ("r-1", "…")


async def test_bots_of_one_app_share_its_budget_and_its_breaker(stream: StreamStage) -> None:
    timing = hasty()
    settings = settings_for(stream.running)

    def app_of(changed: Settings = settings, timing: Timing = timing) -> StreamApp:
        service: StreamChatService = open_chat_service(changed, Identity("other-bot"), timing=timing)
        services.append(service)
        return service._client.app

    services: list[StreamChatService] = []
    try:
        assert app_of() is app_of()
        assert app_of(settings_for(stream.running, stream_api_key="another")) is not app_of()
        assert app_of(settings_for(stream.running, stream_base_url="http://127.0.0.1:9")) is not app_of()
    finally:
        for service in services:
            await service.close()


async def test_what_is_of_use_now_or_never_fails_at_once_while_the_service_is_down(
    stream: StreamStage, channel: ChannelRef
) -> None:
    timing = hasty(uniform=lambda low, _high: low)
    service = open_chat_service(settings_for(stream.running), Identity(), timing=timing)
    faults, log = stream.running.sandbox.faults, stream.running.sandbox.log
    try:
        faults.add(Fault("* *", status=503, count=1000))
        with pytest.raises(ChatServiceError):
            await service.recent(channel, limit=5)
        asked = len(log.view("SendEvent"))
        with pytest.raises(ChatServiceError, match="is down") as caught:
            await service.typing(channel, parent_id=None, on=True)
        assert caught.value.retryable
        assert not await service.stream_update(channel, "r-1", text="Hel")
        assert len(log.view("SendEvent")) == asked
        faults.clear()
        assert (await service.send(channel, OutgoingMessage("r-1", "hi"))).text == "hi"
    finally:
        await service.close()
