"""NATS JetStream as the journal uses it: writes that are sure, reads in the order of writing, and what errors mean."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError
from nats.js.errors import Error as JetStreamError

from framework.aio import cancel_repeatedly, race
from framework.engine.nats.messages import Stored, headers_of, is_final, is_no_entry, said_by, seconds_of, stored
from framework.engine.nats.options import options_of
from framework.engine.nats.records import STREAMS, stream_name, stream_of, subjects_of
from framework.errors import EngineError

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_ANSWER = 2.0  # seconds
_READ = 3.0
_CONNECT = 5.0
_CLOSE = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_IN_PROCESS = 0.004  # seconds until another write under the same expectation is kept
_DUPLICATES = 120 * 10**9  # nanoseconds in which the same message id is the same write
_OLDEST = (2, 11)
_WRONG_SEQUENCE, _BUSY_SEQUENCE, _NO_STREAM, _NAME_IN_USE, _NO_PEERS = 10071, 10164, 10059, 10058, (10005, 10074)
_NOT_DELETED = 10057  # there is no such message
_FULL = {10002, 10023, 10028, 10047, 10054, 10077, 10110}  # the first one: of an account
_NO_JETSTREAM = {10039, 10076}
_TRANSIENT = (NatsError, JetStreamError, OSError, TimeoutError, asyncio.TimeoutError)


class NatsStore:
    """The streams of one cluster. On one event loop alone.

    `created` is called with the number of a stream that had to be made anew, `cut` when the connection ended. `trouble`
    is what is wrong at the moment.
    """

    def __init__(self, address: NatsAddress, *, created: Callable[[int], None], cut: Callable[[], None]) -> None:
        self.address = address
        self.trouble: EngineError | None = None
        self.client = Client()
        self._created = created
        self._cut = cut
        self._said: Exception | None = None
        self._heard = asyncio.Event()
        self._open = False
        self._closed = False
        self._full = False  # until a write is kept again: reads go on meanwhile, and say nothing of it
        self._making = asyncio.Lock()

    async def open(self) -> None:
        """Connect, and make what is missing. Raises EngineError."""
        try:
            async with asyncio.timeout(_CONNECT):
                await race(
                    self.client.connect(**options_of(self.address, said=self._note, cut=self._disconnected)),
                    self._refusal(),
                )
        except _TRANSIENT as last:
            await self.client.close()
            error = self._said or last  # the client tries again and again, and only says that it took too long
            if is_no_entry(error):
                hint = "See FRAMEWORK_JOURNAL_CREDENTIALS, or the user in FRAMEWORK_JOURNAL."
                raise self._refused("NATS does not let us in.", hint) from None
            cause = f": {said_by(error)}" if str(error) else ""
            hint = "See whether it runs and whether FRAMEWORK_JOURNAL is right."
            raise self._refused(f"NATS cannot be reached{cause}.", hint) from None
        version = self.client.connected_server_version
        if (version.major, version.minor) < _OLDEST:
            await self.client.close()
            raise self._refused(f"NATS {version} is too old: 2.11 or later is needed.", "Install a newer server.")
        try:
            await self._make(range(STREAMS))
        except EngineError:
            await self.client.close()
            raise
        self._open = True

    async def close(self) -> None:
        """Let go. What waits for an answer gets an error. A server that stands still is not waited for."""
        self._closed = True
        closing = asyncio.ensure_future(self.client.close())
        _, waits = await asyncio.wait({closing}, timeout=_CLOSE)
        if waits:
            await cancel_repeatedly(closing)
            _log.warning("engine.left_open", journal=self.address.shown, hint="The server does not answer.")
        elif (error := closing.exception()) is not None:
            _log.warning("engine.left_open", journal=self.address.shown, error=said_by(error))

    async def put(
        self,
        subject: str,
        data: bytes,
        *,
        expect: int | None = None,
        of: str = "",
        ttl: float = 0.0,
        final: bool = False,
    ) -> int | None:
        """Keep a message, and return its sequence: None where the newest message of `of` is not the expected one.

        Tried until it is known what became of it: NATS knows a write by its id, so that none is made twice. A journal
        that is full refuses, unless the write is `final`, which waits for room. Raises EngineError.
        """
        headers = headers_of(expect, of, ttl)
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await self._publish(subject, data, headers)
            except MaxPayloadError:
                raise self._too_large(data) from None
            except APIError as error:
                if error.err_code == _WRONG_SEQUENCE:
                    return None
                if error.err_code == _BUSY_SEQUENCE:
                    pause = _IN_PROCESS
                else:
                    self._refuse_if_full(error, final=final)
            except NoStreamResponseError as error:
                await self._look_for(stream_of(subject), error)
            except _TRANSIENT as error:
                self._strike(error)
            else:
                self._full = False
                self._recover()
                return answer
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _refuse_if_full(self, error: APIError, *, final: bool) -> None:
        self._strike(error)
        if error.err_code in _FULL and not final and self.trouble is not None:
            raise self.trouble from None

    async def last(self, subject: str) -> Stored | None:
        """The newest message of a subject, as the stream's leader has it. Waits for one."""
        number = stream_of(subject)
        said = await self._ask(f"STREAM.MSG.GET.{stream_name(number)}", {"last_by_subj": subject}, missing=number)
        if said is None:
            return None
        import base64

        message = said["message"]
        return Stored(
            message["subject"], message["seq"], base64.b64decode(message.get("data", "")), seconds_of(message["time"])
        )

    async def delete(self, number: int, sequence: int) -> bool:
        """Forget one message. False: it is gone, or there is a newer one in its place."""
        body = {"seq": sequence, "no_erase": True}
        return await self._ask(f"STREAM.MSG.DELETE.{stream_name(number)}", body, missing=number) is not None

    async def page(self, number: int, subjects: str, start: int, most: int) -> tuple[list[Stored], int, int]:
        """Messages of a subject with wildcards, from a sequence on, in order; the sequence to go on from; how many
        follow. A server that lags behind the leader may answer: then what is newest is missing.
        """
        found, left = await self._direct(number, {"seq": max(1, start), "next_by_subj": subjects, "batch": most})
        return found, (found[-1].sequence + 1 if found else start), left

    async def newest(self, number: int, subjects: Sequence[str]) -> list[Stored]:
        """The newest message of each of these subjects, which may have wildcards: 1,000 at most. See `page`."""
        return (await self._direct(number, {"multi_last": list(subjects)}))[0]

    async def last_sequence(self, number: int) -> tuple[int, int]:
        """The first and the last sequence of a stream."""
        said = await self._ask(f"STREAM.INFO.{stream_name(number)}", {}, missing=number)
        state = (said or {}).get("state", {})
        return int(state.get("first_seq", 1)), int(state.get("last_seq", 0))

    async def subjects(self, number: int, filtered: str) -> list[str]:
        """The subjects with a message, by a filter."""
        body = {"subjects_filter": filtered}
        said = await self._ask(f"STREAM.INFO.{stream_name(number)}", body, missing=number)
        return list(((said or {}).get("state", {}).get("subjects") or {}).keys())

    async def _refusal(self) -> None:
        """Wait for an error that stays the same however often the client tries again. Raises it."""
        while not is_final(self._said):
            self._heard.clear()
            await self._heard.wait()
        assert self._said is not None  # noqa: S101 - it is final
        raise self._said

    async def _note(self, error: Exception) -> None:
        """What the connection says of itself: whoever waits for an answer notices."""
        if not is_final(self._said):  # what comes after it, such as a broken pipe, follows from it
            self._said = error
        self._heard.set()
        _log.debug("engine.nats", error=said_by(error))

    async def _disconnected(self) -> None:
        self._cut()

    async def _publish(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        if self._closed:
            raise self.closed()
        answer = await self.client.jetstream().publish(subject, data, timeout=_ANSWER, headers=headers)
        return int(answer.seq)

    async def _direct(self, number: int, body: dict[str, Any]) -> tuple[list[Stored], int]:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._direct_once(number, body)
            except NoRespondersError as error:
                await self._look_for(number, error)
            except _TRANSIENT as error:
                self._strike(error)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _direct_once(self, number: int, body: dict[str, Any]) -> tuple[list[Stored], int]:
        """One request, many answers, and one without a subject that ends them."""
        if self._closed:
            raise self.closed()
        inbox = self.client.new_inbox()
        answers = await self.client.subscribe(inbox)
        found: list[Stored] = []
        try:
            request = json.dumps(body).encode()
            await self.client.publish(f"$JS.API.DIRECT.GET.{stream_name(number)}", request, reply=inbox)
            while True:
                message = await answers.next_msg(timeout=_READ)
                headers = message.headers or {}
                status = headers.get("Status")
                if status is not None:  # the end, or nobody who answers; the latter names a subject as well
                    if status == "503":
                        raise NoRespondersError
                    if status not in {"204", "404"}:
                        raise JetStreamError(f"a read was refused: {headers}")
                    self._recover()
                    return found, int(headers.get("Nats-Num-Pending", 0))
                found.append(stored(message, headers))
        finally:
            await answers.unsubscribe()

    async def _ask(
        self, what: str, body: dict[str, Any], *, missing: int | None = None, wait: float = _READ
    ) -> dict[str, Any] | None:
        """A question to JetStream. None: what was asked for is not there. `missing`: a stream to make if it is not."""
        pause = _FIRST_PAUSE
        while True:
            try:
                said = await self._ask_once(what, body, wait)
            except _TRANSIENT as error:
                self._strike(error)
            else:
                problem = said.get("error")
                if problem is None:
                    self._recover()
                    return said
                if problem.get("err_code") == _NO_STREAM and missing is not None:
                    await self._make([missing])
                elif problem.get("code") in {404, 400} or problem.get("err_code") == _NOT_DELETED:
                    self._recover()
                    return None
                else:
                    self._strike(JetStreamError(str(problem.get("description"))))
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _ask_once(self, what: str, body: dict[str, Any], wait: float = _READ) -> dict[str, Any]:
        if self._closed:
            raise self.closed()
        answer = await self.client.request(f"$JS.API.{what}", json.dumps(body).encode(), timeout=wait)
        said: dict[str, Any] = json.loads(answer.data)
        return said

    async def _look_for(self, number: int, error: Exception) -> None:
        """Nobody keeps this stream: it has no leader at the moment, or it was deleted."""
        try:
            said = await self._ask_once(f"STREAM.INFO.{stream_name(number)}", {})
        except _TRANSIENT as other:
            self._strike(other)
            return
        if said.get("error", {}).get("err_code") == _NO_STREAM:
            await self._make([number])
        else:
            self._strike(error)

    async def _make(self, numbers: Sequence[int]) -> None:
        """Make the streams that are missing. Raises EngineError at the first start, and tries again later."""
        async with self._making:
            made = await asyncio.gather(*(self._make_one(number) for number in numbers), return_exceptions=True)
        for number, one in zip(numbers, made, strict=True):
            if isinstance(one, EngineError) and not self._open:
                raise one
            if isinstance(one, BaseException):
                if not isinstance(one, (EngineError, *_TRANSIENT)):
                    raise one
                self._strike(one)
            elif one and self._open:
                _log.error("engine.journal_lost", stream=stream_name(number), journal=self.address.shown)
                self._created(number)

    async def _make_one(self, number: int) -> bool:
        """Whether it had to be made."""
        config = {
            "name": stream_name(number),
            "subjects": subjects_of(number),
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "num_replicas": self.address.replicas,
            "max_msgs_per_subject": 1,
            "allow_direct": True,
            "allow_msg_ttl": True,
            "duplicate_window": _DUPLICATES,
            # Later than all that was ever kept under this name: an epoch of a stream that was lost fits nowhere.
            "first_seq": time.time_ns() // 1_000,
        }
        until = time.monotonic() + 20.0
        while True:
            try:
                if "error" not in await self._ask_once(f"STREAM.INFO.{stream_name(number)}", {}):
                    return False
                said = await self._ask_once(f"STREAM.CREATE.{stream_name(number)}", config, wait=10.0)
            except NoRespondersError:
                problem: dict[str, Any] = {"err_code": 10076, "description": "JetStream does not answer"}
            except _TRANSIENT as error:
                problem = {"description": said_by(error)}
            else:
                if "error" not in said:
                    return True
                problem = said["error"]
                if problem.get("err_code") == _NAME_IN_USE:
                    return False
                if problem.get("err_code") in _NO_PEERS:
                    break
            if self._open or time.monotonic() > until or problem.get("err_code") in _NO_JETSTREAM:
                break
            await asyncio.sleep(0.3)
        raise self._unmade(problem)

    def _unmade(self, problem: dict[str, Any]) -> EngineError:
        code, text = problem.get("err_code"), problem.get("description")
        if code in _NO_JETSTREAM:
            hint = "Start the server with JetStream: `jetstream { store_dir: ... }` in its configuration."
        elif code in _NO_PEERS:
            hint = f"Streams are to be kept on {self.address.replicas} servers. Start them, or set \
FRAMEWORK_JOURNAL_REPLICAS=1."
        else:
            hint = "See the log of the NATS server."
        return self._refused(f"NATS cannot keep the journal: {text}.", hint)

    def closed(self) -> EngineError:
        """What is said to those who ask too late."""
        return self.trouble or EngineError("The engine was closed.", where=self.address.shown)

    def _too_large(self, data: bytes) -> EngineError:
        most = self.client.max_payload
        return self._refused(
            f"{len(data):,} bytes are more than NATS takes at once ({most:,}).",
            "Raise `max_payload` of the NATS servers.",
        )

    def _refused(self, what: str, hint: str) -> EngineError:
        return EngineError(what, where=self.address.shown, hint=hint)

    def _strike(self, error: BaseException) -> None:
        """Something failed that is tried again."""
        if self._closed:
            raise self.closed() from None
        full = isinstance(error, APIError) and error.err_code in _FULL
        what = "The disk of NATS is full" if full else f"NATS does not answer: {said_by(error)}"
        hint = "Free some space; nothing that was accepted is lost." if full else "See whether it runs."
        trouble = error if isinstance(error, EngineError) else self._refused(f"{what}.", hint)
        if self.trouble is None:
            _log.warning("engine.database_lost", error=trouble.what, database=self.address.shown)
        self.trouble = trouble
        self._full |= full

    def _recover(self) -> None:
        if self.trouble is not None and not self._full:
            self.trouble = None
            _log.info("engine.database_back", database=self.address.shown)
