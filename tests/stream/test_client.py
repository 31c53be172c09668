"""What happens when the service refuses, fails, is slow or is not there."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from framework.errors import ChatServiceError, DuplicateMessageError, SettingsError
from framework.sandbox.kernel.faults import Fault
from framework.settings import Settings
from framework.stream.factory import open_chat_service
from framework.stream.failure import describe
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.stream.service import StreamChatService
from tests.support.answers import Answers, answering
from tests.support.stages import BOT, Identity, StreamStage, hasty, settings_for

OTHER_SECRET = "another-secret-of-thirty-two-characters"
CHANNEL = ChannelRef("messaging", "support-1")


@asynccontextmanager
async def service_for(settings: Settings, **timing: Any) -> AsyncIterator[StreamChatService]:
    service = open_chat_service(settings, Identity(), timing=hasty(**timing))
    try:
        yield service
    finally:
        await service.close()


def settings_at(url: str) -> Settings:
    return Settings(_env_file=None, stream_api_key="key", stream_api_secret=OTHER_SECRET, stream_base_url=url)


@pytest.fixture
async def answers() -> AsyncIterator[Answers]:
    async with answering() as answers:
        yield answers


class Naps:
    """A sleep that is noted down instead of slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.clock = 1000.0

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.clock += seconds
        await asyncio.sleep(0)

    def monotonic(self) -> float:
        return self.clock


async def test_says_which_half_of_the_credentials_is_wrong(stream: StreamStage) -> None:
    async with service_for(settings_for(stream.running, stream_api_key="unknown")) as service:
        with pytest.raises(ChatServiceError, match="API key is not known") as caught:
            await service.open()
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (401, 2, False)
    assert "STREAM_API_KEY" in str(caught.value)
    async with service_for(settings_for(stream.running, stream_api_secret=OTHER_SECRET)) as service:
        with pytest.raises(ChatServiceError, match="secret does not belong") as caught:
            await service.open()
    assert (caught.value.code, caught.value.retryable) == (43, False)
    assert "STREAM_API_SECRET" in str(caught.value)
    assert OTHER_SECRET not in str(caught.value)


async def test_a_short_secret_is_for_the_service_to_judge(stream: StreamStage) -> None:
    async with service_for(settings_for(stream.running, stream_api_secret="short")) as service:
        with pytest.raises(ChatServiceError, match="secret does not belong"):
            await service.open()


async def test_needs_a_key() -> None:
    with pytest.raises(SettingsError, match="No Stream app"):
        open_chat_service(Settings(_env_file=None), Identity())


async def test_says_that_nobody_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with service_for(settings_at(url)) as service:
            with pytest.raises(ChatServiceError, match="cannot be reached: Connection refused") as caught:
                await service.open()
    assert caught.value.retryable
    assert url in str(caught.value)


async def test_says_that_a_name_is_not_known() -> None:
    async with service_for(settings_at("http://no-such-host.invalid")) as service:
        with pytest.raises(ChatServiceError, match="cannot be reached"):
            await service.open()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>Welcome</html>", "text/html"),
        (200, "[]", "application/json"),
        (200, '"hello"', "application/json"),
        (200, "{", "application/json"),
        (404, "<html>Not here</html>", "text/html"),
        (404, '"nothing"', "application/json"),
        (403, "[1]", "application/json"),
    ],
)
async def test_says_that_this_is_not_stream(answers: Answers, status: int, body: str, kind: str) -> None:
    answers.give(status, body, kind=kind)
    async with service_for(settings_at(answers.url)) as service:
        with pytest.raises(ChatServiceError, match=r"not answer like Stream|not Stream's JSON") as caught:
            await service.open()
    assert "STREAM_BASE_URL" in str(caught.value)
    assert not caught.value.retryable


async def test_a_gateway_that_fails_is_tried_again(answers: Answers) -> None:
    for _ in range(2):
        answers.give(502, "<html>Bad gateway</html>", kind="text/html")
    answers.give(200, json.dumps({"users": [{"id": BOT, "name": "Support Bot", "is_bot": True}]}))
    async with service_for(settings_at(answers.url)) as service:
        await service.open()
    assert answers.asked == ["GET /users"] * 3


async def test_gives_up_on_a_service_that_keeps_failing(answers: Answers) -> None:
    answers.give(503, '{"code": -1, "message": "down", "StatusCode": 503}')
    async with service_for(settings_at(answers.url)) as service:
        with pytest.raises(ChatServiceError, match="HTTP 503") as caught:
            await service.open()
    assert caught.value.retryable
    assert len(answers.asked) == 5


async def test_waits_longer_after_every_failure_and_never_in_step(answers: Answers) -> None:
    answers.give(500, '{"code": -1, "message": "down", "StatusCode": 500}')
    naps, bounds = Naps(), []

    def most(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    async with service_for(
        settings_at(answers.url), uniform=most, sleep=naps.sleep, monotonic=naps.monotonic
    ) as service:
        with pytest.raises(ChatServiceError):
            await service.update_message("r-1", text="Hello", generating=False, custom={})
    assert [high for low, high in bounds if not low] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    # From the fifth failure on the whole process leaves the service alone, but for one probe after each pause.
    assert [high for low, high in bounds if low] == [1.0, 2.0, 4.0, 8.0]
    assert sum(naps.seconds) >= sum([0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0])
    assert len(answers.asked) == 8


@pytest.mark.parametrize("by", ["reset", "retry-after"])
async def test_waits_until_a_rate_limit_ends(answers: Answers, by: str) -> None:
    reset = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(time.time() + 7)}
    answers.give(
        429,
        '{"code": 9, "message": "Too many requests", "StatusCode": 429}',
        reset if by == "reset" else {"Retry-After": "7"},
    )
    answers.give(201, json.dumps({"message": {"id": "r-1", "cid": "messaging:support-1", "text": "hi"}}))
    naps = Naps()
    async with service_for(settings_at(answers.url), sleep=naps.sleep, monotonic=naps.monotonic) as service:
        await service.send(CHANNEL, OutgoingMessage("r-1", "hi"))
    assert len(answers.asked) == 2
    assert 5 < sum(naps.seconds) < 8.5


async def test_a_rate_limit_of_the_sandbox_is_waited_for(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    stream.running.sandbox.faults.add(Fault("SendMessage", status=429, retry_after_s=0.05))
    sent = await stream.service.send(channel, OutgoingMessage("r-1", "hi"))
    assert sent.text == "hi"


async def test_an_answer_that_got_lost_after_the_post_is_no_second_post(stream: StreamStage, logs: Any) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    stream.running.sandbox.faults.add(Fault("SendMessage", drop="after", count=1))
    sent = await stream.service.send(channel, OutgoingMessage("r-1", "hi", generating=True))
    assert (sent.id, sent.text, sent.user.id, sent.generating) == ("r-1", "hi", BOT, True)
    assert [message.id for message in await stream.service.recent(channel, limit=5)] == ["r-1"]
    assert [entry["event"] for entry in logs] == ["stream.retry", "stream.send_confirmed"]


async def test_a_post_that_got_lost_on_its_way_is_made_again(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    stream.running.sandbox.faults.add(Fault("SendMessage", drop="before", count=2))
    await stream.service.send(channel, OutgoingMessage("r-1", "hi"))
    assert [message.id for message in await stream.service.recent(channel, limit=5)] == ["r-1"]


async def test_an_id_taken_by_someone_else_is_no_success_after_a_failure(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    await stream.post(channel, "mine", id="r-1")
    stream.running.sandbox.faults.add(Fault("SendMessage", drop="before"))
    with pytest.raises(DuplicateMessageError):
        await stream.service.send(channel, OutgoingMessage("r-1", "mine"))


async def test_a_reply_from_an_earlier_life_is_no_success_after_a_refusal(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    await stream.service.send(channel, OutgoingMessage("r-1", "hi"))
    stream.running.sandbox.faults.add(Fault("SendMessage", status=429, retry_after_s=0.01))
    with pytest.raises(DuplicateMessageError):
        await stream.service.send(channel, OutgoingMessage("r-1", "hi"))
    await stream.service.update_message("r-1", text="the whole answer", generating=False, custom={})
    stream.running.sandbox.faults.add(Fault("SendMessage", drop="before"))
    with pytest.raises(DuplicateMessageError):
        await stream.service.send(channel, OutgoingMessage("r-1", "hi"))


async def test_a_message_that_a_hook_turned_into_an_error_is_a_failure(answers: Answers) -> None:
    refusal = {"id": "r-1", "cid": "messaging:support-1", "type": "error", "text": "not in this house"}
    answers.give(201, json.dumps({"message": refusal}))
    async with service_for(settings_at(answers.url)) as service:
        with pytest.raises(ChatServiceError, match="not in this house") as caught:
            await service.send(CHANNEL, OutgoingMessage("r-1", "hi"))
    assert not caught.value.retryable


async def test_sketches_are_left_out_when_the_service_is_short_of_breath(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    stream.running.sandbox.faults.add(Fault("EphemeralMessageUpdate", status=429, retry_after_s=30))
    assert not await stream.service.stream_update(channel, "r-1", text="Hel")
    assert not await stream.service.stream_update(channel, "r-1", text="Hell")
    calls = stream.running.sandbox.log.view("EphemeralMessageUpdate")
    assert len(calls) == 1
    await stream.service.update_message("r-1", text="Hello", generating=False, custom={})


async def test_falls_back_to_stored_updates_where_there_are_no_ephemeral_ones(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    stream.running.sandbox.faults.add(Fault("EphemeralMessageUpdate", status=404, count=5))
    assert await stream.service.stream_update(channel, "r-1", text="Hel")
    assert await stream.service.stream_update(channel, "r-1", text="Hell")
    assert len(stream.running.sandbox.log.view("EphemeralMessageUpdate")) == 1
    (stored,) = await stream.service.recent(channel, limit=5)
    assert (stored.text, stored.generating) == ("Hell", True)


async def test_a_message_that_is_gone_does_not_end_ephemeral_updates(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    assert not await stream.service.stream_update(channel, "gone", text="Hel")
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    assert await stream.service.stream_update(channel, "r-1", text="Hel")
    (stored,) = await stream.service.recent(channel, limit=5)
    assert stored.text == "…"


async def test_the_final_text_waits_for_the_sketch_before_it(stream: StreamStage) -> None:
    channel = await stream.room()
    await stream.service.join([channel])
    await stream.service.send(channel, OutgoingMessage("r-1", "…", generating=True))
    stream.running.sandbox.faults.add(Fault("EphemeralMessageUpdate", delay_s=0.2))
    sketch = asyncio.create_task(stream.service.stream_update(channel, "r-1", text="Hel"))
    await asyncio.sleep(0.02)
    await stream.service.update_message("r-1", text="Hello", generating=False, custom={})
    assert sketch.done()
    shown = [event.body()["message"]["text"] for event in stream.published if event.type == "message.updated"]
    assert shown == ["Hel", "Hello"]


async def test_leaves_alone_what_others_say_of_the_bot(stream: StreamStage) -> None:
    await stream.sdk.update_user_partial({"id": BOT, "set": {"team_lead": "ann", "name": "Robot"}})
    await stream.service.open()
    (user,) = (await stream.sdk.query_users({"id": BOT}))["users"]
    assert (user["name"], user["is_bot"], user["team_lead"]) == ("Support Bot", True, "ann")
    writes = len(stream.running.sandbox.log.view("UpdateUsersPartial"))
    await stream.service.open()
    assert len(stream.running.sandbox.log.view("UpdateUsersPartial")) == writes


async def test_indicators_are_not_worth_a_second_try(answers: Answers) -> None:
    answers.give(500, '{"code": -1, "message": "down", "StatusCode": 500}')
    async with service_for(settings_at(answers.url)) as service:
        with pytest.raises(ChatServiceError):
            await service.typing(CHANNEL, parent_id=None, on=True)
    assert len(answers.asked) == 1


async def test_odd_ids_stay_one_part_of_the_path(stream: StreamStage) -> None:
    channel = await stream.room()
    id_ = await stream.post(channel, "hello", id="a b/c?d#é")
    assert set(await stream.service.messages(channel, [id_])) == {id_}
    assert [message.id for message in await stream.service.thread(id_, limit=3)] == [id_]


@pytest.mark.parametrize("error", [ConnectionResetError(104, "x"), aiohttp.ClientConnectionResetError("Cannot write")])
def test_a_cut_connection_is_told_as_a_sentence(error: Exception) -> None:
    assert describe(error) == "the connection was cut"
