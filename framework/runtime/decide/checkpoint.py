"""A turn goes on where an earlier try at it ended: with the conversation as it was read then."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from framework.agent.conversation import Caller, Conversation, Utterance
from framework.engine.port import Execution
from framework.errors import FrameworkError
from framework.runtime.core.turn import Turn
from framework.values import Json

_log = structlog.get_logger(__name__)

CONTEXT = "context"
_QUESTION = "question"
_INSTANT = 0.1  # seconds: a turn that ends within them reads its conversation again if its process dies


class StepsOfQuestion:
    """The steps that belong to one wording of the question: an edited one is answered anew, tools and all."""

    def __init__(self, execution: Execution, turn: Turn) -> None:
        self._execution = execution
        said = "\n".join([turn.trigger.text, *(attachment.url for attachment in turn.trigger.attachments)])
        self._digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        first = execution.saved(_QUESTION)
        self._is_first = first is None
        self._prefix = "" if first in {None, self._digest} else f"{self._digest}:"
        self._conversation: Conversation | None = None

    def saved(self, step: str) -> Json | None:
        """See `Steps.saved`."""
        return self._execution.saved(self._prefix + step)

    async def save(self, step: str, value: Json) -> None:
        """See `Steps.save`."""
        await self.save_conversation()
        await self._save(step, value)

    def keep(self, conversation: Conversation) -> None:
        """Save the conversation before the next step."""
        self._conversation = conversation

    async def save_conversation(self) -> None:
        """Save it now, if that was not done yet."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await self._save(CONTEXT, _plain(conversation))

    async def _save(self, step: str, value: Json) -> None:
        if self._is_first:
            self._is_first = False
            await self._execution.save(_QUESTION, self._digest)
        await self._execution.save(self._prefix + step, value)


def recalled(turn: Turn) -> Conversation | None:
    """Return the conversation as an earlier try at the turn has read it."""
    if turn.execution is None:
        return None
    kept = StepsOfQuestion(turn.execution, turn).saved(CONTEXT)
    if kept is None:
        return None
    _log.info("turn.recalled", attempt=turn.execution.attempt)
    return _conversation(kept)


@asynccontextmanager
async def keeping(turn: Turn, conversation: Conversation) -> AsyncIterator[Conversation]:
    """Save the conversation while the block runs, which gets it with the steps of the turn.

    It is saved before the first step, or once the block has run for a tenth of a second, which need not wait for that.
    Whoever answers at once needs no copy. A failed save is only logged here; later writes fail loudly.
    """
    if turn.execution is None:
        yield conversation
        return
    steps = StepsOfQuestion(turn.execution, turn)
    if steps.saved(CONTEXT) is not None:
        yield replace(conversation, steps=steps)
        return
    steps.keep(conversation)
    saving: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        _INSTANT, lambda: saving.append(asyncio.create_task(steps.save_conversation()))
    )
    try:
        yield replace(conversation, steps=steps)
    finally:
        timer.cancel()
        for task in saving:
            await _ended(task)


async def _ended(saving: asyncio.Task[None]) -> None:
    saving.cancel()
    await asyncio.wait({saving})
    error = None if saving.cancelled() else saving.exception()
    if isinstance(error, FrameworkError):
        _log.warning("turn.context_not_kept", error=error.what)
    elif error is not None:
        _log.error("turn.context_not_kept", exc_info=error)


def _plain(conversation: Conversation) -> dict[str, Any]:
    return {
        "caller": dict(vars(conversation.caller)),
        "utterances": [dict(vars(utterance)) for utterance in conversation.utterances],
        "earlier": [dict(vars(utterance)) for utterance in conversation.earlier],
        "instruction": conversation.instruction,
        "decided": conversation.decided,
        "run": dict(conversation.run),
        "language": conversation.language,
        "toolless": conversation.toolless,
    }


def _conversation(kept: dict[str, Any]) -> Conversation:
    caller = kept["caller"]
    return Conversation(
        utterances=tuple(map(_utterance, kept["utterances"])),
        caller=Caller(**{**caller, "roles": tuple(caller["roles"])}),
        earlier=tuple(map(_utterance, kept["earlier"])),
        instruction=kept["instruction"],
        decided=kept["decided"],
        run=kept.get("run", {}),
        language=kept.get("language", ""),
        toolless=kept.get("toolless", False),
    )


def _utterance(kept: dict[str, Any]) -> Utterance:
    return Utterance(**{**kept, "images": tuple(kept["images"])})
