"""The turn pipeline: which stages a turn goes through, in order, and the boundary around them."""

from __future__ import annotations

from dataclasses import replace

import structlog
from structlog.contextvars import bound_contextvars

from framework.approvals import ApprovalStore
from framework.budget.usage import MemoryUsageBook, UsageBook
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError, FrameworkError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.message_context import MessageContexts
from framework.runtime.core.stage import CallNext, Stage, chain
from framework.runtime.core.turn import Failed, HandedOff, Outcome, Replied, Silent, Turn
from framework.runtime.decide.active_turns import ActiveTurns
from framework.runtime.decide.budgets import Account, Allowance
from framework.runtime.decide.bursts import Bursts
from framework.runtime.decide.checkpoint import Checkpoint, Recall
from framework.runtime.decide.content import Content
from framework.runtime.decide.context import Context
from framework.runtime.decide.duplicates import AlreadyAnswered
from framework.runtime.decide.gate import Gate
from framework.runtime.decide.loops import LoopGuard
from framework.runtime.decide.prefetch import Prefetch
from framework.runtime.extension import ExtraObservers, ExtraRules
from framework.runtime.handover.stages import HandoverGate, HandoverSigns, HandoverWatch
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.outgoing import Outgoing
from framework.runtime.reply.read_mark import ReadReceipt
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.review.approvals import Approvals, ReviewGate
from framework.runtime.review.drafts import DraftGate, Drafts
from framework.runtime.review.service import Later, ReviewService
from framework.runtime.state.audience import audience_of
from framework.storage import Storage
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


class Pipeline:
    """Runs the turns of one bot. Serves many turns at once; `live` is told what people do meanwhile.

    `later` has turns run that a decision of the team leads to. `reviews` and `handover` do what is decided beside
    turns.
    """

    def __init__(self, bot: RunningBot, limits: Limits, timing: Timing, later: Later | None = None) -> None:
        self._bot = bot
        self._limits = limits
        self._timing = timing
        self._writer = ReplyWriter(bot.service, limits)
        self._guard = LoopGuard(limits, bot.service)
        self._book: UsageBook = bot.usage or MemoryUsageBook()
        self._situations = MessageContexts(bot.service, timing.now)
        self.handover = HandoverSteps(bot, self._writer, timing)
        approvals = bot.approvals or ApprovalStore(Storage.in_memory(), now=timing.now)
        self.reviews = ReviewService(bot, approvals, timing, later)
        self._deliver = Deliver(self._writer, limits, timing)
        self.live = ActiveTurns(bot.service, self._writer)
        self._through = chain(self.stages())

    def stages(self) -> tuple[Stage, ...]:
        """What a turn goes through, in order."""
        service = self._bot.service
        return (
            Prefetch(self._situations, self.live),
            Bursts(self._situations, self._writer),
            AlreadyAnswered(service, self._writer),
            self._guard,
            ReviewGate(self._bot, self.reviews),
            HandoverGate(service, self._writer, self.handover),
            Gate(service, self._situations),
            HandoverSigns(service, self.handover),
            ExtraRules(self._bot, self._situations, self.handover),
            Allowance(self._book, self._timing),
            ReadReceipt(service),
            self.live,
            DraftGate(self.reviews),
            Content(),
            Recall(),
            Context(service),
            Checkpoint(),
            self._agent,
            Account(self._book),
            ExtraObservers(self._bot),
            Outgoing(self._bot.screen),
            Approvals(self.reviews, self._limits),
            HandoverWatch(service, self.handover),
            Drafts(service, self.reviews, self._limits),
            self._deliver,
            self._record,
        )

    async def run(self, turn: Turn) -> Outcome:
        """The turn from its start to its outcome. Raises FencedError where another replica has the turn, and nothing
        else: any other error is logged and an outcome.
        """
        with bound_contextvars(bot=turn.bot, channel=str(turn.channel), message=turn.trigger.id, reply=turn.reply_id):
            _log.info("turn.received", user=turn.trigger.user.id, origin=turn.origin)
            try:
                outcome = await self._through(turn)
            except FencedError:
                raise  # not ours any more: another replica goes on with it
            except ChatServiceError as error:
                _log.error("turn.failed", error=str(error), retryable=error.retryable)
                return Failed(error.what, retryable=error.retryable)
            except EngineError as error:
                _log.error("turn.failed", error=str(error), retryable=True)
                return Failed(error.what, retryable=True)
            except Exception as error:  # noqa: BLE001 - the turn boundary: one turn's bug must not end the others
                return await self.give_up(turn, error)
            _log_decision(outcome)
            return outcome

    async def give_up(self, turn: Turn, error: Exception) -> Outcome:
        """A bug, ours or the agent's: the operator gets the traceback, the channel an apology."""
        try:
            await self._find_readers(turn)
            return await self._deliver.apologise(turn, error)
        except FencedError:
            raise
        except FrameworkError as refusal:
            _log.warning("turn.apology_failed", error=refusal.what)
            return Failed(f"{type(error).__name__}: {error}")

    async def _find_readers(self, turn: Turn) -> None:
        """Learn who may see the answer, where the turn did not come to that."""
        trigger = turn.trigger
        if turn.draft.visible_to is not None or turn.cause.made_up or not (trigger.parent_id or trigger.quoted_id):
            return
        ids = list(filter(None, (trigger.parent_id, trigger.quoted_id)))
        around = (await self._bot.service.messages(turn.channel, ids)).values()
        turn.draft.visible_to = audience_of(turn.bot_user_id, turn.answering, around=around, also=turn.cause.visible_to)

    async def _agent(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Put the agent to work; its words are read by the stages that follow."""
        if turn.events is None and turn.conversation is not None:
            turn = replace(turn, events=turn.setup.agent.stream(turn.conversation))
        return await call_next(turn)

    async def _record(self, turn: Turn, call_next: CallNext) -> Outcome:
        """The end of a turn that was answered."""
        if turn.answer is None:
            raise AssertionError("a turn is recorded after its delivery")
        seconds = (self._timing.now() - turn.received_at).total_seconds()
        _log.info("turn.posted", seconds=round(seconds, 3), characters=len(turn.answer.text), parts=turn.draft.parts)
        return Replied(turn.reply_id, turn.answer, parts=turn.draft.parts)


def _log_decision(outcome: Outcome) -> None:
    match outcome:
        case Silent(reason) | HandedOff(reason):
            _log.info("turn.decided", answer=False, reason=reason)
        case Failed() | Replied():
            pass  # told where it happened, with more to tell
