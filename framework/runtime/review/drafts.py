"""Draft mode: an answer goes to the team first. The turn ends with that; the decision is taken up when it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from framework.agent.conversation import Answer, Finished
from framework.approvals import Request
from framework.approvals.sheet import visible
from framework.names import plain_name, shown_name
from framework.runtime.core.bot import Limits
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import Outcome, Silent, Skip
from framework.runtime.core.turn import Turn
from framework.runtime.reply.buffer import AnswerBuffer
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.drive import HandedOver, Show
from framework.runtime.reply.place import longest, place_of
from framework.runtime.reply.post import post_once
from framework.runtime.reply.split import split
from framework.runtime.reply.writer import facts
from framework.runtime.review.record import Origin, outcome_of
from framework.runtime.review.service import ReviewService
from framework.runtime.state.own import NOTE
from framework.stream.model import OutgoingMessage
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)

WAITS = "draft waits for approval"
_QUOTED = 500


class DraftGate:
    """A rule, before the agent: a turn whose draft exists makes no other one."""

    def __init__(self, reviews: ReviewService) -> None:
        self._reviews = reviews

    async def __call__(self, turn: Turn, view: ChannelView) -> Skip | None:
        """Return Skip for what waits or was decided."""
        if not turn.definition.drafts.enabled:
            return None
        approval = await self._reviews.store.find("draft", turn.bot, _key(turn))
        if approval is None or approval.card is None:
            return None
        if approval.state == "waiting":
            await self._reviews.show(approval, check=turn.fence)  # an earlier try may have ended in the middle of it
            return Skip(WAITS, message_id=approval.card_id(1))
        await self._reviews.carry_out(approval, check=turn.fence)
        by = f" by {approval.decision.person}" if approval.decision else ""
        return Skip(f"draft {outcome_of(approval)}{by}", message_id=approval.card_id(1))


def _key(turn: Turn) -> str:
    """Names the draft of a turn: the same in every try."""
    return f"{turn.bot_user_id}\n{turn.channel}\n{'event' if turn.cause.made_up else 'message'}\n{turn.trigger.id}"


class Drafts:
    """A sink: the answer is made whole, and shown to the team alone.

    That a person takes over, and that something failed, is delivered to the customer at once.
    """

    def __init__(self, service: ChatService, reviews: ReviewService, limits: Limits, delivery: Deliver) -> None:
        self._service = service
        self._reviews = reviews
        self._limits = limits
        self._delivery = delivery

    @asynccontextmanager
    async def showing(self, turn: Turn) -> AsyncIterator[Show]:
        """See `Sink.showing`. Nothing is shown of a draft that is being written."""

        async def nothing(_buffer: AnswerBuffer) -> None:
            """The driver waits for the end."""

        yield nothing

    async def deliver(self, turn: Turn, finished: Finished) -> Outcome:
        """See `Sink.deliver`. Silent once the draft waits."""
        if isinstance(finished, HandedOver):
            return await self._delivery.deliver(turn, finished)
        return await self._show(turn, finished.answer)

    async def fail(self, turn: Turn, error: Exception) -> Outcome:
        """See `Sink.fail`."""
        return await self._delivery.fail(turn, error)

    async def _show(self, turn: Turn, answer: Answer) -> Outcome:
        texts = split(answer.text, longest(turn, self._limits))
        trigger = turn.trigger
        who = shown_name(trigger.user.name, trigger.user.id, with_id=True)
        asked = " ".join(" ".join(message.text.split()) for message in turn.answering)
        quoted = visible(json.dumps(asked[:_QUOTED], ensure_ascii=False)) + ("…" if len(asked) > _QUOTED else "")
        about = f"{who} wrote: {quoted}" if asked else turn.cause.detail
        origin = Origin.of_turn(
            turn,
            facts=facts(turn, answer),
            title=f"Draft for {who} in {turn.channel}",
            text=f"{about}\n{turn.team_phrases.draft_how}".strip(),
            texts=texts,
        )
        request = Request(
            kind="draft",
            scope=turn.bot,
            subject="draft",
            content={"texts": list(texts)},
            shown=texts,
            lifetime=turn.definition.drafts.expire,
            asked_by=trigger.user.id,
            asked_name=plain_name(trigger.user.name),
            channel=str(turn.channel),
            key=_key(turn),
        )
        approval = await self._reviews.store.ask(request)
        placed = await self._reviews.place(turn, approval, origin)
        if placed is None:
            return Silent("nobody could see the draft")
        await self._reviews.show(placed, check=turn.fence)
        await self._tell(turn)
        _log.info("draft.shown", draft=placed.number, characters=len(answer.text))
        return Silent(WAITS, message_id=placed.card_id(1))

    async def _tell(self, turn: Turn) -> None:
        """The customer hears that it takes a while, where the bot has words for that."""
        said = turn.phrases.draft
        if not said:
            return
        place = place_of(turn)
        note = OutgoingMessage("", said, parent_id=place.parent_id, custom={NOTE: "draft"}, visible_to=turn.visible_to)
        chain, bot = turn.ids.chain("note"), turn.bot_user_id
        await post_once(self._service, turn.channel, chain, note, bot_user_id=bot, check=turn.fence)
