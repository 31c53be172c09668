"""Read events from a queue of Amazon SQS, to which the service sends what it would post to a webhook."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog

from framework.aio import together
from framework.errors import SettingsError
from framework.extras import extra
from framework.settings import Settings
from framework.stream.events import read_event
from framework.stream.sources.delivery import Inbox, UnreadableEventError, accepted, parse_queued
from framework.stream.timing import Timing
from framework.values import Untyped

VARIABLE = "FRAMEWORK_SQS_QUEUE_URL"
WAIT_SECONDS = 20  # the longest poll that SQS allows
AT_ONCE = 10  # the most that one call brings or deletes
LONGEST_PAUSE = 30.0
_REGION = re.compile(r"(?:sqs|queue)\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?|([a-z0-9-]+)\.queue\.amazonaws\.com")
_PASSING = frozenset({"RequestThrottled", "Throttling", "ThrottlingException", "RequestTimeout", "OverLimit"})

_log = structlog.get_logger(__name__)
Received = Mapping[str, Any]
T = TypeVar("T")


async def take_from_queue(settings: Settings, *, inbox: Inbox, timing: Timing | None = None) -> None:
    """Pass events of the queue `settings.sqs_queue_url` to the inbox, until cancelled. Return at once if it is not set.

    A message is deleted when the inbox has stored its event, or if bots do not need it. Otherwise the queue delivers it
    again after its visibility time-out. Credentials are found as by all AWS tools. Raises SettingsError if the extra
    `sqs` is not installed, or if AWS refuses before the first message was received.
    """
    if settings.sqs_queue_url is not None:
        await Queue(settings.sqs_queue_url, inbox, timing or Timing()).run()


class Queue:
    """Reads a queue. Each call blocks a thread of its own. The process ends without waiting for it."""

    def __init__(self, url: str, inbox: Inbox, timing: Timing) -> None:
        self._url = url
        self._inbox = inbox
        self._timing = timing
        self._client: Any = None
        self._heard = False
        self._failed = 0

    async def run(self) -> None:
        """Read until cancelled. Raises SettingsError, see `take_from_queue`."""
        self._client = await _aside(lambda: _client(self._url))
        _log.info("sqs.reading", queue=self._url)
        while True:
            self._failed = 0 if await self._round() else self._failed + 1
            if self._failed:
                most = min(LONGEST_PAUSE, 2.0 ** min(self._failed, 10))
                await self._timing.sleep(self._timing.uniform(0.5, most))

    async def _round(self) -> bool:
        """Take over the messages of one call; return whether all went well."""
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # ships no types

        try:
            received = await _aside(self._receive)
            self._heard = True
            taken = await together(*(self._take(message) for message in received))
            done = [message for message, ok in zip(received, taken, strict=True) if ok]
            return (not done or await _aside(lambda: self._delete(done))) and len(done) == len(received)
        except (BotoCoreError, ClientError) as error:
            what = _what(error)
            if not self._heard and _is_lasting(error):
                raise SettingsError(
                    f"The queue cannot be read: {what}.",
                    where=VARIABLE,
                    hint="Check its address, and that AWS credentials are found that may receive and delete messages.",
                ) from None
            _log.warning("sqs.failed", error=what, attempt=self._failed + 1)
            return False

    async def _take(self, message: Received) -> bool:
        """Return whether a message may be deleted."""
        id_ = message.get("MessageId", "")
        try:
            raw = await _aside(lambda: parse_queued(str(message.get("Body", ""))))
        except UnreadableEventError as error:
            _log.warning("sqs.unreadable", id=id_, why=error.what)
            return True
        event = read_event(raw)
        return event is None or await accepted(self._inbox(event), "sqs", type=raw.get("type"), id=id_)

    def _receive(self) -> Sequence[Received]:
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=WAIT_SECONDS
        )
        return answer.get("Messages") or ()

    def _delete(self, messages: Sequence[Received]) -> bool:
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        failed = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries).get("Failed")
        if failed:
            _log.warning("sqs.not_deleted", messages=len(failed), error=str(failed[0].get("Code", "")))
        return not failed


def _client(url: str) -> Untyped:
    with extra("sqs", f"Reading a queue of Amazon SQS ({VARIABLE})"):
        import boto3  # type: ignore[import-untyped]  # ships no types
        from botocore.config import Config  # type: ignore[import-untyped]  # ships no types
    address = urlsplit(url)
    known = _REGION.fullmatch(address.hostname or "")
    session = boto3.session.Session()
    return session.client(
        "sqs",
        region_name=(known.group(1) or known.group(2)) if known else session.region_name or "us-east-1",
        # A queue that is not Amazon's is at the address itself.
        endpoint_url=None if known else f"{address.scheme}://{address.netloc}",
        config=Config(connect_timeout=5, read_timeout=WAIT_SECONDS + 10, retries={"total_max_attempts": 1}),
    )


def _is_lasting(error: Untyped) -> bool:
    """Return whether the same call would fail again: AWS refuses it, or a setting is missing."""
    answer = getattr(error, "response", None)
    if answer is None:
        return type(error).__name__ in {"NoCredentialsError", "PartialCredentialsError", "NoRegionError"}
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500 and status != 429 and answer["Error"].get("Code") not in _PASSING


def _what(error: Untyped) -> str:
    answer = getattr(error, "response", None)
    if answer is None:
        return str(error).rstrip(".") or type(error).__name__
    return f"{answer['Error'].get('Code', '')}: {answer['Error'].get('Message', '')}".rstrip(". ")


async def _aside(work: Callable[[], T]) -> T:
    """Run work in a thread of its own. A pool's thread would delay the end of the process until its poll ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():  # cancelled
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # there is one where there is no error

    def run() -> None:
        try:
            outcome: tuple[T | None, Exception | None] = (work(), None)
        except Exception as error:  # noqa: BLE001 - the future raises it
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="sqs", daemon=True).start()
    return await future
