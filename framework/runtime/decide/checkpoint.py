"""Stages that let a turn go on where an earlier try at it ended: with the conversation as it was read then."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

import structlog

from framework.agent.conversation import Caller, Conversation, Utterance
from framework.engine.port import Execution
from framework.errors import FrameworkError
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import Outcome, Turn
from framework.values import Json

_log = structlog.get_logger(__name__)

CONTEXT = "context"
_QUESTION = "question"


class StepsOfQuestion:
    """The steps that belong to one wording of the question: an edited one is answered anew, tools and all."""

    def __init__(self, execution: Execution, turn: Turn) -> None:
        self._execution = execution
        said = "\n".join([turn.trigger.text, *(attachment.url for attachment in turn.trigger.attachments)])
        self._digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        first = execution.saved(_QUESTION)
        self._is_first = first is None
        self._prefix = "" if first in {None, self._digest} else f"{self._digest}:"

    def saved(self, step: str) -> Json | None:
        """See `Steps.saved`."""
        return self._execution.saved(self._prefix + step)

    async def save(self, step: str, value: Json) -> None:
        """See `Steps.save`."""
        if self._is_first:
            self._is_first = False
            await self._execution.save(_QUESTION, self._digest)
        await self._execution.save(self._prefix + step, value)


class Recall:
    """The stage before the context is read: an earlier try has read it."""

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if turn.execution is None or turn.events is not None:
            return await call_next(turn)
        kept = StepsOfQuestion(turn.execution, turn).saved(CONTEXT)
        if kept is None:
            return await call_next(turn)
        _log.info("turn.recalled", attempt=turn.execution.attempt)
        return await call_next(replace(turn, conversation=_conversation(kept)))


class Checkpoint:
    """The stage after it: what was read is kept beside the answering, which need not wait for it."""

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        conversation, execution = turn.conversation, turn.execution
        if execution is None or conversation is None:
            return await call_next(turn)
        steps = StepsOfQuestion(execution, turn)
        following = replace(turn, conversation=replace(conversation, steps=steps))
        if steps.saved(CONTEXT) is not None:
            return await call_next(following)
        async with _keeping(steps, conversation):
            return await call_next(following)


@asynccontextmanager
async def _keeping(steps: StepsOfQuestion, conversation: Conversation) -> AsyncIterator[None]:
    """Keep it while the block runs. That it could not be kept is for those to say who must not go on without."""
    keeping = asyncio.create_task(steps.save(CONTEXT, _plain(conversation)))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
        if not keeping.cancelled() and isinstance(error := keeping.exception(), FrameworkError):
            _log.warning("turn.context_not_kept", error=error.what)


def _plain(conversation: Conversation) -> dict[str, Any]:
    return {
        "caller": asdict(conversation.caller),
        "utterances": [asdict(utterance) for utterance in conversation.utterances],
        "earlier": [asdict(utterance) for utterance in conversation.earlier],
        "instruction": conversation.instruction,
        "decided": conversation.decided,
    }


def _conversation(kept: dict[str, Any]) -> Conversation:
    caller = kept["caller"]
    return Conversation(
        utterances=tuple(map(_utterance, kept["utterances"])),
        caller=Caller(**{**caller, "roles": tuple(caller["roles"])}),
        earlier=tuple(map(_utterance, kept["earlier"])),
        instruction=kept["instruction"],
        decided=kept["decided"],
    )


def _utterance(kept: dict[str, Any]) -> Utterance:
    return Utterance(**{**kept, "images": tuple(kept["images"])})
