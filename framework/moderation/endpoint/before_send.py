"""Answers the hook that the chat service calls before it sends a message."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from framework.moderation.decisions import MessageDecision
from framework.moderation.effects import effects_before
from framework.moderation.endpoint.answer import PASSED, answer_of
from framework.moderation.endpoint.judgement import Judged, Score, judge, no_score
from framework.moderation.endpoint.recorder import Recorder
from framework.moderation.endpoint.rules import GuardBook
from framework.moderation.guard import Guard, GuardDecision
from framework.moderation.message import Screened
from framework.moderation.rules.outcome import Outcome
from framework.moderation.tally import Tally
from framework.moderation.wire import screened_of
from framework.stream.sources.bodies import RefusedError
from framework.stream.sources.delivery import UnreadableEventError, parse
from framework.stream.sources.signed import SignedRequests
from framework.stream.wire import read_time

REMEMBERED = 20_000
"""Signatures whose answers are remembered: a replayed request gets the same answer, and counts for nothing."""
MARGIN = 0.02
"""Seconds of the deadline that are kept for the answer itself."""

_log = structlog.get_logger(__name__)
Raw = Mapping[str, Any]


@dataclass(frozen=True)
class HookSettings:
    """`deadline`: seconds in which an answer is given. `window`: a message older than this is a replay. `key` is that
    of the digests of texts. `passing` are the users whose messages are not judged: the app's own bots.
    """

    deadline: float = 0.7
    window: timedelta = timedelta(minutes=10)
    key: bytes = b""
    keep_text: bool = False
    passing: frozenset[str] = frozenset()


class BeforeSend:
    """The endpoint. It always answers in time: what cannot be judged by then is let pass or refused as the rule's
    `late` says, and looked at again after it is sent.
    """

    def __init__(
        self,
        book: GuardBook,
        recorder: Recorder,
        signed: SignedRequests,
        settings: HookSettings,
        score: Score = no_score,
        tally: Tally | None = None,
    ) -> None:
        self._book = book
        self._tally = tally or Tally()
        self._recorder = recorder
        self._signed = signed
        self._settings = settings
        self._score = score
        self._answers: OrderedDict[str, Raw] = OrderedDict()

    async def receive(self, request: Request) -> Response:
        """Answer one request."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.deadline
        try:
            body = await self._signed.body(request)
            return JSONResponse(await self._answer(body, request.headers.get("x-signature", ""), deadline))
        except RefusedError as error:
            _log.warning("moderation.refused", status=error.status, why=error.what)
            return JSONResponse({"error": error.what}, error.status, {"connection": "close"})

    async def _answer(self, body: bytes, signature: str, deadline: float) -> Raw:
        if (known := self._answers.get(signature)) is not None:
            return known
        try:
            raw = parse(body)
        except UnreadableEventError as error:
            raise RefusedError(400, error.what) from None
        message = raw.get("message")
        if not isinstance(message, Mapping):
            raise RefusedError(400, "The request holds no message.")
        now = self._book.now()
        written = read_time(message.get("created_at"))
        # Stream may leave the time out, as a zero.
        if written is not None and written.year > 1970 and now - written > self._settings.window:
            raise RefusedError(400, "The message is too old: somebody replays a recording.")
        answer = await self._judged(raw, message, now, deadline)
        self._answers[signature] = answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    async def _judged(self, raw: Raw, message: Raw, now: datetime, deadline: float) -> Raw:
        user, channel = _object(raw.get("user")), _object(raw.get("channel"))
        screened = screened_of(message, user=user, channel=channel)
        guard = self._book.guards.of_channel(screened.channel)
        if guard is None:
            return PASSED
        pending = _object(channel.get("config")).get("mark_messages_pending") is True
        left = deadline - asyncio.get_running_loop().time() - MARGIN
        own = screened.user_id in self._settings.passing
        judged = Judged(GuardDecision()) if own else await self._safely(guard, screened, left)
        if judged is None:
            return PASSED  # there is no decision: it is looked at again after it is sent
        self._record(guard, screened, judged, now, pending=pending)
        return answer_of(judged.decision, message)

    async def _safely(self, guard: Guard, screened: Screened, seconds: float) -> Judged | None:
        try:
            return await judge(guard, screened, self._score, seconds=seconds)
        except Exception as error:  # noqa: BLE001 - a defect must not let a message wait, nor name its text
            _log.error("moderation.defect", error=type(error).__name__, channel=screened.channel)
            self._tally.add_one((guard.bot, "decision", "before_send", "defect"))
            return None

    def _record(self, guard: Guard, screened: Screened, judged: Judged, now: datetime, *, pending: bool) -> None:
        decided, settings = judged.decision, self._settings
        made = MessageDecision.of(
            decided,
            screened,
            bot=guard.bot,
            at=now,
            origin="before_send",
            effects=effects_before(decided, pending=pending),
            key=settings.key,
            keep_text=settings.keep_text,
        )
        made = replace(made, late=judged.late)
        self._recorder.add(made)
        self._tally.add(made)
        if decided.outcome is not Outcome.ALLOW:
            rules = [one.rule.name for one in decided.applied]
            _log.info("moderation.decided", outcome=decided.outcome, channel=screened.channel, rules=rules)


def _object(value: object) -> Raw:
    return value if isinstance(value, Mapping) else {}
