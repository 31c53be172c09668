"""Draft mode: an answer goes to the team first. The turn ends with that; the decision is taken up when it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError, ModelError
from framework.names import shown_name
from framework.runtime.approvals_desk import Desk, place_of_reviews
from framework.runtime.approvals_record import Review
from framework.runtime.bot import Limits
from framework.runtime.own import own
from framework.runtime.place import longest, place_of
from framework.runtime.post import post_once
from framework.runtime.reply import facts
from framework.runtime.split import split
from framework.runtime.stage import CallNext
from framework.runtime.turn import Outcome, Silent, Turn
from framework.stream.model import OutgoingMessage
from framework.stream.service import ChatService

_log = structlog.get_logger(__name__)

WAITS = "draft waits for approval"
_QUOTED = 500


class DraftGate:
    """A stage, before the agent: a turn whose draft exists makes no other one."""

    def __init__(self, service: ChatService, desk: Desk) -> None:
        self._service = service
        self._desk = desk

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent for what waits or was decided; else the outcome of the stages that follow."""
        if not turn.definition.drafts.enabled:
            return await call_next(turn)
        found = (await self._service.messages(place_of_reviews(turn), turn.ids.chain("draft"))).values()
        message = next((one for one in found if (ours := own(one, turn.bot_user_id)) and not ours.is_deleted), None)
        review = Review.read(message) if message is not None else None
        if message is None or review is None:
            return await call_next(turn)
        if review.state == "waiting":
            return Silent(WAITS, message_id=message.id)
        await self._desk.carry_out(message, review, fence=turn.fence)
        by = f" by {review.decided_by}" if review.decided_by else ""
        return Silent(f"draft {review.state}{by}", message_id=message.id)


class Drafts:
    """A stage, instead of delivering: the answer is made whole, and shown to the team alone."""

    def __init__(self, service: ChatService, desk: Desk, limits: Limits) -> None:
        self._service = service
        self._desk = desk
        self._limits = limits

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent once the draft waits. What the customer has to hear at once goes on: that a person takes over, that
        something failed, and the fixed words for hours, budgets and messages without text.
        """
        if turn.events is None or turn.conversation is None or not turn.definition.drafts.enabled:
            return await call_next(turn)
        answer = await self._whole(turn.events)
        if isinstance(answer, Exception):
            return await call_next(replace(turn, events=_Raising(answer)))
        if "handover" in turn.draft.facts:
            return await call_next(replace(turn, events=_saying(answer)))
        return await self._show(turn, answer)

    async def _whole(self, events: AsyncIterator[AgentEvent]) -> Answer | Exception:
        try:
            async with asyncio.timeout(self._limits.generation):
                async for event in events:
                    if isinstance(event, Finished):
                        return event.answer
        except TimeoutError:
            return ModelError(f"The agent did not come to an end within {self._limits.generation:.0f} s.")
        except (FencedError, EngineError, ChatServiceError):
            raise
        except Exception as error:  # noqa: BLE001 - the agent's errors are the turn's: handed on to the delivery
            return error
        return ModelError("The agent ended without an answer.")

    async def _show(self, turn: Turn, answer: Answer) -> Outcome:
        texts = split(answer.text, longest(turn, self._limits))
        place, trigger = place_of(turn), turn.trigger
        review = Review(
            kind="draft",
            channel=str(turn.channel),
            reply=turn.reply_id,
            trigger=trigger.id,
            made_up=turn.cause.made_up,
            parent_id=place.parent_id,
            show_in_channel=place.show_in_channel,
            parts=len(texts),
            facts={**facts(turn, answer), **turn.draft.facts},
            visible_to=turn.visible_to,
        )
        who = shown_name(trigger.user.name, trigger.user.id, with_id=True)
        asked = " ".join(" ".join(message.text.split()) for message in turn.answering)[:_QUOTED]
        about = f"{who} wrote: {asked}" if asked else turn.cause.detail
        title = f"Draft for {who} in {turn.channel}"
        shown = await self._desk.show(turn, review, texts, purpose="draft", title=title, about=about)
        if shown is None:
            return Silent("nobody could see the draft")
        await self._tell(turn)
        _log.info("draft.shown", draft=shown, characters=len(answer.text))
        return Silent(WAITS, message_id=shown)

    async def _tell(self, turn: Turn) -> None:
        """The customer hears that it takes a while, where the bot has words for that."""
        said = turn.definition.phrases.draft
        if not said:
            return
        place = place_of(turn)
        note = OutgoingMessage(
            "", said, parent_id=place.parent_id, custom={"note": "draft"}, visible_to=turn.visible_to
        )
        chain, bot = turn.ids.chain("note"), turn.bot_user_id
        await post_once(self._service, turn.channel, chain, note, bot_user_id=bot, check=turn.fence)


class _Raising(AsyncIterator[AgentEvent]):
    """Events of an agent that fails so."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __anext__(self) -> AgentEvent:
        raise self._error


async def _saying(answer: Answer) -> AsyncIterator[AgentEvent]:
    yield Finished(answer)
