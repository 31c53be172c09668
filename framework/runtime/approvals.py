"""The stages around decisions of the team: hear them where they are made, and ask for those on tool calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, ApprovalRequested
from framework.names import shown_name
from framework.runtime.approvals_desk import Decision, Desk
from framework.runtime.approvals_record import Review
from framework.runtime.approvals_words import has_reviews, read_word, review_channels
from framework.runtime.bot import RunningBot
from framework.runtime.place import place_of
from framework.runtime.stage import CallNext
from framework.runtime.team import wrote
from framework.runtime.turn import Outcome, Silent, Turn
from framework.stream.model import Message

_log = structlog.get_logger(__name__)


class ReviewGate:
    """A stage, before triggers and conditions. In the thread of a draft or a tool call the team decides; what else is
    said there gets no answer, nor what is said in a channel for reviews.
    """

    def __init__(self, bot: RunningBot, desk: Desk) -> None:
        self._bot = bot
        self._desk = desk

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent with what came of a decision; else the outcome of the stages that follow."""
        for_reviews = turn.channel in review_channels(self._bot.definition)
        if turn.cause.decided or not (for_reviews or has_reviews(turn.definition)):
            return await call_next(turn)
        parent_id = turn.trigger.parent_id
        if parent_id is not None and not turn.cause.made_up:
            message = (await self._bot.service.messages(turn.channel, [parent_id])).get(parent_id)
            review = Review.read(message) if message and message.user.id == turn.bot_user_id else None
            if message is not None and review is not None:
                return Silent(await self._hear(turn, message, review))
        return Silent("a channel for reviews") if for_reviews else await call_next(turn)

    async def _hear(self, turn: Turn, message: Message, review: Review) -> str:
        said = next(((one, word) for one in turn.answering if (word := read_word(one)) is not None), None)
        if said is None:
            return "talk about a decision"
        if not await wrote(self._bot.service, turn.definition.team, said[0]):
            return "only the team decides"
        decision = Decision(said[1], said[0].user, turn.ids.job)
        return await self._desk.decide(message, review, decision, fence=turn.fence)


class Approvals:
    """A stage, around the agent: tool calls that wait for the team's word are shown to it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The outcome of the stages that follow."""
        if turn.events is None or not has_reviews(turn.definition):
            return await call_next(turn)
        return await call_next(replace(turn, events=self._watch(turn, turn.events)))

    async def _watch(self, turn: Turn, events: AsyncIterator[AgentEvent]) -> AsyncIterator[AgentEvent]:
        async for event in events:
            if isinstance(event, ApprovalRequested):
                await self._ask(turn, event)
            yield event

    async def _ask(self, turn: Turn, event: ApprovalRequested) -> None:
        trigger = turn.trigger
        review = Review(
            kind="tool",
            channel=str(turn.channel),
            reply=turn.reply_id,
            trigger=trigger.id,
            made_up=turn.cause.made_up,
            parent_id=place_of(turn).parent_id,
            call=event.id,
            asked_for=trigger.user.id,
            visible_to=turn.visible_to,
        )
        who = shown_name(trigger.user.name, trigger.user.id, with_id=True)
        question = turn.definition.phrases.approval_question
        for name, value in (("{tool}", event.tool), ("{channel}", str(turn.channel)), ("{user}", who)):
            question = question.replace(name, value)
        text = f"{question}\n\n```\n{event.args_summary}\n```"
        shown = await self._desk.show(
            turn, review, [text], purpose="call", name=event.id, title=f"Tool call: {event.tool}", about=""
        )
        _log.info("approval.asked", tool=event.tool, call=event.id, shown=shown is not None)
