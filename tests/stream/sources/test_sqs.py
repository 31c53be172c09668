"""Events by a queue: read, taken over, and deleted only then. The queue is local and speaks Amazon's protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.errors import EngineError, SettingsError
from framework.settings import Settings
from framework.stream.model import Event, MessageNew
from framework.stream.sources import sqs
from framework.stream.sources.delivery import UnreadableEventError, parse_queued
from tests.stream.sources.test_webhook import message_event
from tests.support.queue import CREDENTIALS, LocalQueue, local_queue
from tests.support.stages import hasty


@pytest.fixture
async def queue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalQueue]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    async with local_queue() as queue:
        yield queue


class Intake:
    """An inbox that refuses as often as a test says."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.refusals = 0

    async def take(self, event: Event) -> None:
        assert isinstance(event, MessageNew)
        if self.refusals:
            self.refusals -= 1
            raise EngineError("not now")
        self.ids.append(event.message.id)


@asynccontextmanager
async def reading(queue: LocalQueue, intake: Intake) -> AsyncIterator[asyncio.Task[None]]:
    settings = Settings(_env_file=None, sqs_queue_url=queue.url)
    task = asyncio.create_task(sqs.take_from_queue(settings, inbox=intake.take, timing=hasty()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def plain(event: Any) -> str:
    return json.dumps(event)


def encoded(event: Any) -> str:
    return base64.b64encode(plain(event).encode()).decode()


def packed(event: Any) -> str:
    return base64.b64encode(gzip.compress(plain(event).encode())).decode()


def notified(body: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "n", "TopicArn": "arn", "Message": body})


FORMS = [plain, encoded, packed, *(lambda event, form=form: notified(form(event)) for form in (plain, encoded, packed))]


@pytest.mark.parametrize("form", FORMS)
def test_an_event_is_read_in_every_form(form: Callable[[Any], str]) -> None:
    assert parse_queued(form(message_event("m-7"))) == message_event("m-7")


@given(text=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_nothing_else_is_read(text: str) -> None:
    for body in (text, notified(text)):
        with contextlib.suppress(UnreadableEventError):
            assert isinstance(parse_queued(body), dict)


def test_a_message_that_unpacks_to_too_much_is_unreadable() -> None:
    with pytest.raises(UnreadableEventError):
        parse_queued(base64.b64encode(gzip.compress(b" " * 64 * 1024 * 1024)).decode())


async def test_messages_are_deleted_once_their_events_were_taken_over(queue: LocalQueue) -> None:
    intake = Intake()
    for n in range(25):
        await queue.put(FORMS[n % len(FORMS)](message_event(f"m-{n}")))
    async with reading(queue, intake):
        await queue.wait(lambda: not queue.messages)
    assert sorted(intake.ids) == sorted(f"m-{n}" for n in range(25))
    assert len(queue.received) == 25
    assert queue.polls[0]["WaitTimeSeconds"] == 20


async def test_what_could_not_be_taken_over_comes_again(queue: LocalQueue, logs: Any) -> None:
    intake = Intake()
    intake.refusals = 3
    id_ = await queue.put(plain(message_event()))
    async with reading(queue, intake):
        await queue.wait(lambda: not queue.messages)
    assert intake.ids == ["m-1"]
    assert queue.received == [id_] * 4
    assert [entry["event"] for entry in logs].count("delivery.not_accepted") == 3
    assert "words of Ann" not in repr(logs)


async def test_what_cannot_be_read_and_what_means_nothing_is_deleted(queue: LocalQueue, logs: Any) -> None:
    intake = Intake()
    await queue.put("no event at all")
    await queue.put(packed({"type": "user.updated", "user": {"id": "ann"}}))
    async with reading(queue, intake):
        await queue.wait(lambda: not queue.messages)
    assert intake.ids == []
    (entry,) = [entry for entry in logs if entry["event"] == "sqs.unreadable"]
    assert "no event" not in repr(entry)


async def test_a_queue_that_fails_for_a_while_is_asked_again(queue: LocalQueue, logs: Any) -> None:
    intake = Intake()
    queue.errors = [(500, "InternalError"), (503, "ServiceUnavailable"), (400, "RequestThrottled")]
    await queue.put(plain(message_event()))
    async with reading(queue, intake):
        await queue.wait(lambda: not queue.messages)
        queue.errors = [(403, "AccessDenied")]
        await queue.put(plain(message_event("m-2")))
        await queue.wait(lambda: not queue.messages)
    assert intake.ids == ["m-1", "m-2"]
    assert [entry["attempt"] for entry in logs if entry["event"] == "sqs.failed"][:3] == [1, 2, 3]


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AccessDenied", "InvalidClientTokenId"])
async def test_a_refusal_before_anything_was_received_is_said(queue: LocalQueue, code: str) -> None:
    queue.errors = [(400, code)] * 100
    async with reading(queue, Intake()) as task:
        with pytest.raises(SettingsError, match=code) as caught:
            await task
    assert "FRAMEWORK_SQS_QUEUE_URL" in str(caught.value)


async def test_missing_credentials_are_said(queue: LocalQueue, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    async with reading(queue, Intake()) as task:
        with pytest.raises(SettingsError, match="credentials"):
            await task


async def test_a_missing_extra_is_said(queue: LocalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    async with reading(queue, Intake()) as task:
        with pytest.raises(SettingsError, match="needs the package 'boto3'") as caught:
            await task
    assert "pip install 'agents-in-channels[sqs]'" in str(caught.value)


async def test_nothing_is_read_where_no_queue_is_set() -> None:
    await sqs.take_from_queue(Settings(_env_file=None, sqs_queue_url=None), inbox=Intake().take)


@pytest.mark.parametrize(
    ("url", "region", "endpoint"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1", "https://sqs.eu-west-1.amazonaws.com"),
        ("https://us-west-2.queue.amazonaws.com/1/q", "us-west-2", "https://sqs.us-west-2.amazonaws.com"),
        ("http://127.0.0.1:9324/1/q", "us-east-1", "http://127.0.0.1:9324"),
    ],
)
def test_where_a_queue_is_follows_from_its_address(
    monkeypatch: pytest.MonkeyPatch, url: str, region: str, endpoint: str
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    client = sqs._client(url)
    assert (client.meta.region_name, client.meta.endpoint_url) == (region, endpoint)
    client.close()
