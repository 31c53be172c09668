"""The rule that hears decisions of the team, and the observer that asks for those on tool calls."""

from __future__ import annotations

import structlog

from framework.agent.conversation import AgentEvent, ApprovalRequested
from framework.names import as_code, shown_name
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Skip
from framework.runtime.core.turn import Turn
from framework.runtime.reply.place import longest
from framework.runtime.review.record import LOST, Origin
from framework.runtime.review.service import ONLY_TEAM, ReviewService, Said
from framework.runtime.review.texts import call_texts
from framework.runtime.state.own import own
from framework.runtime.team.people import wrote
from framework.runtime.team.words import has_reviews, is_decided_in, read_word, review_channels

_log = structlog.get_logger(__name__)


class ReviewGate:
    """A rule, before triggers and conditions. In the thread of a draft or a tool call the team decides; what else is
    said there gets no answer, nor what is said in a channel for reviews.
    """

    def __init__(self, bot: RunningBot, reviews: ReviewService) -> None:
        self._bot = bot
        self._reviews = reviews

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | None:
        """Return Skip with what came of a decision, and in a channel for reviews."""
        if turn.cause.decided or not is_decided_in(turn.channel, turn.definition, self._bot.definition):
            return None
        parent_id = turn.trigger.parent_id
        if parent_id is not None and not turn.cause.made_up:
            heard = await self._hear(turn, parent_id)
            if heard:
                return Skip(heard)
        return Skip("a channel for reviews") if turn.channel in review_channels(self._bot.definition) else None

    async def _hear(self, turn: Turn, parent_id: str) -> str:
        """Return what came of a message in a thread; empty if the thread is not below a card."""
        approval = await self._reviews.store.on_card(self._bot.name, str(turn.channel), parent_id)
        if approval is None:
            return await self._hear_of_lost(turn, parent_id)
        said = next(((one, word) for one in turn.answering if (word := read_word(one)) is not None), None)
        if said is None:
            return "talk about a decision"
        message, word = said
        how = f"message {message.id}"
        return await self._reviews.decide(approval, Said(word, message.user, how, turn.ids.job), check=turn.fence)

    async def _hear_of_lost(self, turn: Turn, parent_id: str) -> str:
        """Below a card of the bot's whose record is gone: from before a restored database, or of an older version."""
        found = (await self._bot.service.messages(turn.channel, [parent_id])).get(parent_id)
        card = own(found, turn.bot_user_id)
        if found is None or card is None or card.review is None:
            return ""
        if card.review.get("state") == "waiting" and read_word(turn.trigger) is not None:
            if not await wrote(self._bot.service, turn.definition.team, turn.trigger):
                return ONLY_TEAM
            await self._reviews.cards.tell_lost(found)
            return f"the decision came too late: the record is {LOST}"
        return "talk about a decision"


class Approvals:
    """An observer: tool calls that wait for the team's word are shown to it."""

    def __init__(self, reviews: ReviewService, limits: Limits) -> None:
        self._reviews = reviews
        self._limits = limits

    async def __call__(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """See `Observer`."""
        if isinstance(event, ApprovalRequested) and has_reviews(turn.definition):
            await self._ask(turn, event)
        return event

    async def _ask(self, turn: Turn, event: ApprovalRequested) -> None:
        approval = await self._reviews.store.get(event.id)
        request, definition, phrases = approval.request, turn.definition, turn.team_phrases
        who = shown_name(request.asked_name, request.asked_by, with_id=True)
        question = phrases.approval_question
        values = {"{tool}": request.subject, "{channel}": as_code(str(turn.channel)).strip("`"), "{user}": who}
        for name, value in values.items():
            question = question.replace(name, value)
        how = phrases.approval_how
        if not definition.team.approve_own:
            how = f"{how} {phrases.approval_by_another}"
        origin = Origin.of_turn(
            turn,
            title=f"Tool call: {request.subject}",
            text=how.strip(),
            texts=call_texts(question, request.shown, longest(turn, self._limits)),
        )
        placed = await self._reviews.place(turn, approval, origin)
        if placed is not None:
            await self._reviews.show(placed, check=turn.fence)
        _log.info("approval.asked", tool=event.tool, number=approval.number, shown=placed is not None)
