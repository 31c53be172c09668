"""The way of a turn: rules decide, the agent answers, observers watch it, a sink delivers what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from framework.agent.conversation import AgentEvent, Conversation
from framework.approvals import ApprovalStore
from framework.budget.usage import MemoryUsageBook, UsageBook
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError, FrameworkError
from framework.insight import traces
from framework.logs.log import keeps_texts
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.channel_infos import ChannelInfos
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import (
    GONE,
    Decision,
    Failed,
    HandedOff,
    HandOver,
    Outcome,
    Replied,
    Say,
    Silent,
    Skip,
)
from framework.runtime.core.rule import BuiltInRule, Observer
from framework.runtime.core.turn import Turn
from framework.runtime.decide import context
from framework.runtime.decide.active_turns import ActiveTurns
from framework.runtime.decide.budgets import Account
from framework.runtime.decide.bursts import Bursts
from framework.runtime.decide.campaign_replies import CampaignReplies
from framework.runtime.decide.checkpoint import keeping, recalled
from framework.runtime.decide.content import fixed_text, no_text, saying
from framework.runtime.decide.digest_source import read_digest
from framework.runtime.decide.duplicates import AlreadyAnswered, around_of, readable
from framework.runtime.decide.gate import Gate
from framework.runtime.decide.loops import LoopGuard
from framework.runtime.decide.pause_gate import PauseGate
from framework.runtime.decide.spoken import language, language_before
from framework.runtime.handover.rules import HandoverGate, HandoverWatch, signs
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.promises.rule import PromiseRule
from framework.runtime.reply.deliver import Deliver
from framework.runtime.reply.drive import OURS, Sink, drive, observed
from framework.runtime.reply.notify import TurnNotices
from framework.runtime.reply.outgoing import Outgoing
from framework.runtime.reply.read_mark import marking_read
from framework.runtime.reply.refusals import Refusals
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.review.approvals import Approvals, ReviewGate
from framework.runtime.review.drafts import DraftGate, Drafts
from framework.runtime.review.service import Later, ReviewService
from framework.storage import Storage
from framework.stream.timing import Timing

_log = structlog.get_logger(__name__)


class Pipeline:
    """Runs the turns of one bot. Serves many turns at once; `live` is told what people do meanwhile.

    `later` has turns run that a decision of the team leads to. `reviews` and `handover` do what is decided beside
    turns. The bot's own `rules` and `observers` are asked each time, so that edited ones count from the next turn on.
    """

    def __init__(self, bot: RunningBot, limits: Limits, timing: Timing, later: Later | None = None) -> None:
        self._bot = bot
        self._limits = limits
        self._timing = timing
        self._book: UsageBook = bot.usage or MemoryUsageBook()
        self._infos = ChannelInfos(bot.service, timing.now)
        writer = ReplyWriter(bot.service, limits)
        self.live = ActiveTurns(writer)
        self.handover = HandoverSteps(bot, writer, timing)
        approvals = bot.approvals or ApprovalStore(Storage.in_memory(), now=timing.now)
        self.reviews = ReviewService(bot, approvals, timing, later)
        self._bursts = Bursts(writer)
        self._guard = LoopGuard(limits)
        self._campaigns = CampaignReplies(bot)
        self._promises = PromiseRule(bot, timing.now)
        self._rules: tuple[BuiltInRule, ...] = (
            AlreadyAnswered(writer),
            language,
            self._campaigns,
            self._guard,
            ReviewGate(bot, self.reviews),
            HandoverGate(bot.service, self.handover),
            PauseGate(bot),
            Gate(bot.service),
            language_before,
            signs,
            self._promises,
            self._extra_rules,
            fixed_text,
        )
        self._answer_rules: tuple[BuiltInRule, ...] = (DraftGate(self.reviews), no_text)
        self._outgoing = Outgoing(bot.screen, Refusals(bot.service))
        self._approvals = Approvals(self.reviews, limits)
        self._deliver = Deliver(writer, limits, timing)
        self._drafts = Drafts(bot.service, self.reviews, limits, self._deliver)

    @property
    def rule_names(self) -> tuple[str, ...]:
        """The names of the rules, in the order in which a turn passes them."""
        return (*map(_name, self._rules), "allow", *map(_name, self._answer_rules))

    async def run(self, turn: Turn) -> Outcome:
        """The turn from its start to its outcome. Raises FencedError if another replica has the turn, and nothing else:
        any other error is logged and an outcome.
        """
        with bound_contextvars(bot=turn.bot, channel=str(turn.channel), message=turn.trigger.id, reply=turn.reply_id):
            asked = {"question": turn.trigger.text} if keeps_texts() and turn.trigger.text else {}
            _log.info("turn.received", user=turn.trigger.user.id, origin=turn.origin, **asked)
            try:
                with self.live.attending(turn):
                    outcome = await self._burst(turn)
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

    async def _burst(self, turn: Turn) -> Outcome:
        """Answer the messages that belong together; if the last of them is gone, those before it."""
        if turn.definition.handover.enabled:
            self._infos.look_anew(turn.channel)  # what the turn before this one did to a handover must be seen
        view = ChannelView(turn, self._bot.service, self._infos, size=context.page_size(turn, self._infos))
        candidates = await self._bursts.of(turn, view)
        if isinstance(candidates, Skip):
            return Silent(candidates.reason, candidates.message_id)
        outcome: Outcome = Silent(GONE)
        for candidate in candidates:
            if len(candidate.burst) > 1:
                _log.info("turn.merged", messages=[message.id for message in candidate.burst])
            outcome = await self._one(candidate, view)
            if not (isinstance(outcome, Silent) and outcome.reason == GONE):
                break
        return outcome

    async def _one(self, turn: Turn, view: ChannelView) -> Outcome:
        """Ask the rules, and do what they decide or answer."""
        account, outcome = Account(self._book, self._timing), None
        try:
            turn, decision = await self._decide(turn, view, (*self._rules, account.allow))
            outcome = await self._act(turn, view, account, decision)
            await account.close(turn, outcome)
            await self._campaigns.close(turn, view, outcome)
            await self._promises.close(turn, outcome)
        except _BugError as bug:
            outcome = await self.give_up(bug.turn, bug.error)
        finally:
            self._guard.close(turn, outcome)
        return outcome

    async def _decide(
        self, turn: Turn, view: ChannelView, rules: Sequence[BuiltInRule]
    ) -> tuple[Turn, Decision | None]:
        """Return the turn as the rules left it, and what the first one decided, if one did."""
        try:
            for rule in rules:
                decision = await rule(turn, view)
                if isinstance(decision, Turn):
                    turn = decision
                elif decision is not None:
                    turn.trace.rule = _name(rule)
                    return turn, decision
        except OURS:
            raise
        except Exception as error:
            raise _BugError(turn, error) from error
        return turn, None

    async def _act(self, turn: Turn, view: ChannelView, account: Account, decision: Decision | None) -> Outcome:
        match decision:
            case Skip(reason, message_id):
                return Silent(reason, message_id)
            case HandOver(reason) if not turn.definition.handover.enabled:
                _log.warning("handover.not_enabled", reason=reason, hint="Set `handover.enabled` in bot.yaml.")
                return Silent(reason)
            case HandOver():
                return await self.handover.open(turn, view, decision)
            case Say():
                audience = () if decision.public else turn.audience
                turn = replace(turn, say=decision, marks={**turn.marks, **decision.marks}, audience=audience)
        async with marking_read(self._bot.service, self._timing, turn, after=self._limits.seen_within):
            return await self.live.run(turn, view, partial(self._answer, view, account))

    async def _answer(self, view: ChannelView, account: Account, turn: Turn) -> Outcome:
        """One try at the answer; an edit of the question leads to another one."""
        turn, decision = await self._decide(turn, view, self._answer_rules)
        if isinstance(decision, Skip):
            return Silent(decision.reason, decision.message_id)
        say = decision if isinstance(decision, Say) else turn.say
        try:
            if say is not None:
                return await self._drive(turn, observed(turn, saying(say), [self._outgoing]), self._deliver)
            conversation = recalled(turn) or await self._read(turn, view)
            if isinstance(conversation, Skip):
                return Silent(conversation.reason)
            async with keeping(turn, conversation) as kept:
                return await self._ask(turn, view, account, kept)
        except OURS:
            raise
        except Exception as error:
            raise _BugError(turn, error) from error

    async def _read(self, turn: Turn, view: ChannelView) -> Conversation | Skip:
        if turn.cause.digest:
            return await read_digest(turn, self._bot.service)
        return await context.load(turn, view)

    async def _ask(self, turn: Turn, view: ChannelView, account: Account, conversation: Conversation) -> Outcome:
        """Put the agent to work."""
        watch = HandoverWatch(self.handover, view)
        observers: tuple[Observer, ...] = (account.count, *self._bot.observers, self._outgoing, self._approvals, watch)
        account.ask()
        notifier = TurnNotices(self._bot, turn, self._timing.now)
        conversation = replace(conversation, notifier=notifier, promiser=self._promises.of_turn(turn))
        model = getattr(turn.setup.agent, "model_label", "")  # an agent of one's own need not name its model
        with traces.agent(turn.bot, model):
            events = observed(turn, turn.setup.agent.stream(conversation), observers, watch.rescue)
            return await self._drive(turn, events, self._drafts if turn.definition.drafts.enabled else self._deliver)

    async def _drive(self, turn: Turn, events: AsyncIterator[AgentEvent], sink: Sink) -> Outcome:
        return await drive(turn, events, sink, seconds=self._limits.generation)

    async def _extra_rules(self, turn: Turn, view: ChannelView) -> Decision | None:
        """The rules that somebody added to the bot."""
        if turn.forced:
            return None
        for rule in self._bot.rules:
            decision = await rule(turn, view)
            if decision is not None:
                return decision
        return None

    async def give_up(self, turn: Turn, error: Exception) -> Outcome:
        """A bug, ours or the agent's: the operator gets the traceback, the channel an apology."""
        try:
            return await self._deliver.apologise(await self._with_readers(turn), error)
        except FencedError:
            raise
        except FrameworkError as refusal:
            _log.warning("turn.apology_failed", error=refusal.what)
            return Failed(f"{type(error).__name__}: {error}")

    async def _with_readers(self, turn: Turn) -> Turn:
        """Learn who may see the answer, if the turn did not come to that."""
        around = around_of(turn.trigger)
        if turn.audience is not None or turn.cause.made_up or not around:
            return turn
        return readable(turn, (await self._bot.service.messages(turn.channel, around)).values())


def _name(rule: BuiltInRule) -> str:
    return getattr(rule, "__name__", type(rule).__name__)


class _BugError(Exception):
    """An error that is no service's: with the turn as it was when it happened, which knows who may see an apology."""

    def __init__(self, turn: Turn, error: Exception) -> None:
        super().__init__(str(error))
        self.turn = turn
        self.error = error


def _log_decision(outcome: Outcome) -> None:
    match outcome:
        case Silent(reason) | HandedOff(reason):
            _log.info("turn.decided", answer=False, reason=reason)
        case Failed() | Replied():
            pass  # told where it happened, with more to tell
