"""The stages of a handover: keep silent while a person has the channel, and see what leads to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished, HandoverRequested
from framework.engine.port import FencedError
from framework.errors import ChatServiceError, EngineError
from framework.runtime.core.message_context import of_team
from framework.runtime.core.stage import CallNext
from framework.runtime.core.turn import HandedOff, Outcome, Replied, Silent, Turn
from framework.runtime.handover.mood import may_be_upset, upset
from framework.runtime.handover.recall import RESUMED
from framework.runtime.handover.signs import WITHOUT_EVIDENCE, Sign, asks_for_person
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.state.handover import BY_TIME, Act, Handover
from framework.runtime.team.people import wrote
from framework.runtime.team.words import says_resume
from framework.stream.model import Message, may_all_see
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)

TAKEN_OVER = "a person has taken over"
"""Why the bot is silent while a handover is open, and for what was written meanwhile."""
_MESSAGES = 30


class HandoverGate:
    """A stage, before triggers and conditions: silent while a person has the channel; hears the team hand back."""

    def __init__(self, service: ChatService, writer: ReplyWriter, steps: HandoverSteps) -> None:
        self._service = service
        self._writer = writer
        self._steps = steps

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """Silent, or the outcome of the stages that follow. A turn that was interrupted while it opened one goes on.

        An operator who asks for an answer gets one, and what the team decided on is done.
        """
        if not turn.definition.handover.enabled or turn.cause.decided or turn.origin == "command":
            return await call_next(turn)
        state = await self._steps.state(turn.channel)
        commanded = is_resume(turn) and await wrote(self._service, turn.definition.team, turn.trigger)
        if state is None or not state.is_open:
            if commanded:
                ended = state.ended if state is not None else None
                told = ended is None or ended.by != turn.trigger.id
                return Silent("no handover is open") if told else await self._say_that_it_is_back(turn)
            had = state is not None and not turn.cause.made_up and state.had(turn.trigger.created_at)
            return Silent(TAKEN_OVER) if had else await call_next(replace(turn, handover=state))
        if state.turn == turn.ids.job:
            _log.info("handover.continued")
            return await self._steps.open(turn, Sign("phrase", state.reason.rstrip(".")))
        return await self._while_open(turn, state, call_next, commanded=commanded)

    async def _while_open(self, turn: Turn, state: Handover, call_next: CallNext, *, commanded: bool) -> Outcome:
        at, rules = turn.trigger.created_at, turn.definition.handover
        if commanded and at > state.since:
            await turn.fence()
            act = Act(turn.trigger.user.id, turn.trigger.id)
            await self._steps.close(turn.channel, state, until=at, act=act)
            return await self._say_that_it_is_back(turn)
        if state.ended_by_time(at, rules.resume_after):
            await turn.fence()
            until = state.since + rules.resume_after
            closed = await self._steps.close(turn.channel, state, until=until, act=BY_TIME)
            return await call_next(replace(turn, handover=closed))
        await self._note_person(turn, state)
        return Silent(TAKEN_OVER)

    async def _say_that_it_is_back(self, turn: Turn) -> Outcome:
        turn.draft.facts.update(suggestions=[], feedback=[])
        answer = Answer(text=turn.definition.phrases.resumed, outcome="answered")
        await self._writer.settle(turn, answer, {"outcome": RESUMED})
        return Replied(turn.reply_id, answer)

    async def _note_person(self, turn: Turn, state: Handover) -> None:
        """The first of the team to write has taken over: the channel shows who."""
        trigger = turn.trigger
        if state.taken is not None or turn.cause.made_up or trigger.created_at <= state.since:
            return
        if of_team(trigger, turn.definition.team):
            await turn.fence()
            await self._steps.take(turn, state)


def is_resume(turn: Turn) -> bool:
    """Whether the message is the command that hands back, as a text or as a slash command."""
    return not turn.cause.made_up and any(says_resume(message, turn.definition) for message in turn.answering)


class HandoverSigns:
    """A stage, after triggers and conditions. A person's words and mood lead to a handover; and any stage that follows
    may ask for one by ending the turn as `HandedOff` before anything was said.
    """

    def __init__(self, service: ChatService, steps: HandoverSteps) -> None:
        self._service = service
        self._steps = steps

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """HandedOff, or the outcome of the stages that follow."""
        rules = turn.definition.handover
        if not rules.enabled or turn.cause.decided:
            return await call_next(turn)
        sign = await self._sign(turn)
        if sign is not None:
            return await self._steps.open(turn, sign)
        outcome = await call_next(turn)
        if isinstance(outcome, HandedOff) and not turn.draft.closing:
            return await self._steps.open(turn, Sign("budget", outcome.reason))
        return outcome

    async def _sign(self, turn: Turn) -> Sign | None:
        if turn.cause.made_up:
            return None
        rules, language = turn.definition.handover, turn.definition.identity.language
        for message in turn.answering:
            if phrase := asks_for_person(message.text, rules.phrases):
                return Sign("phrase", f"the customer asked for a person ({phrase!r})")
        if rules.sentiment and may_be_upset(turn.trigger.text, language):
            why = upset(await lately(self._service, turn), language)
            return Sign("sentiment", f"the customer is upset ({why})") if why else None
        return None


@dataclass
class _Watched:
    """What came of watching an agent."""

    opened: Sign | None = None


class HandoverWatch:
    """A stage, around the agent: its own wish, failed answers, a spent budget and errors lead to a handover. All of it
    is done before the reply is complete, so that a turn that is interrupted does it once more.
    """

    def __init__(self, service: ChatService, steps: HandoverSteps) -> None:
        self._service = service
        self._steps = steps

    async def __call__(self, turn: Turn, call_next: CallNext) -> Outcome:
        """HandedOff where it came to that; else the outcome of the stages that follow."""
        if turn.events is None or turn.conversation is None or not turn.definition.handover.enabled:
            return await call_next(turn)
        watched = _Watched()
        outcome = await call_next(replace(turn, events=self._watch(turn, turn.events, watched)))
        if watched.opened is not None and isinstance(outcome, Replied):
            return HandedOff(watched.opened.detail)
        return outcome

    async def _watch(
        self, turn: Turn, events: AsyncIterator[AgentEvent], watched: _Watched
    ) -> AsyncIterator[AgentEvent]:
        asked: HandoverRequested | None = None
        try:
            async for event in events:
                if isinstance(event, HandoverRequested):
                    asked = event
                elif isinstance(event, Finished):
                    yield Finished(await self._finished(turn, event.answer, asked, watched))
                else:
                    yield event
        except (FencedError, EngineError, ChatServiceError):
            raise
        except Exception as error:
            if not turn.definition.handover.errors or watched.opened is not None:
                raise
            _log.exception("turn.failed", instead="a person takes over", error=str(error))
            yield Finished(await self._hand_over(turn, Sign("errors", "the bot failed"), watched, _EMPTY))

    async def _finished(self, turn: Turn, answer: Answer, asked: HandoverRequested | None, watched: _Watched) -> Answer:
        sign = await self._sign(turn, answer, asked)
        return answer if sign is None else await self._hand_over(turn, sign, watched, answer)

    async def _sign(self, turn: Turn, answer: Answer, asked: HandoverRequested | None) -> Sign | None:
        rules = turn.definition.handover
        if asked is not None:
            return Sign("tool", asked.reason.rstrip(". ") or "the bot asked for a person", asked.summary)
        if answer.spent and (rules.budget or turn.definition.budget.when_spent == "handover"):
            return Sign("budget", "the budget of this turn is spent")
        failed = answer.outcome in WITHOUT_EVIDENCE
        count = await self._steps.failures(turn, failed=failed) if rules.failed_answers > 1 else int(failed)
        if rules.failed_answers and count >= rules.failed_answers:
            return Sign("failed_answers", f"{count} answers in a row without evidence")
        return None

    async def _hand_over(self, turn: Turn, sign: Sign, watched: _Watched, answer: Answer) -> Answer:
        text = await self._steps.prepare(turn, sign)
        watched.opened = sign
        return replace(answer, text=text, sources=(), suggestions=())


_EMPTY = Answer(text="", outcome="refused")


async def lately(service: ChatService, turn: Turn) -> list[Message]:
    """The newest messages of the channel or thread, up to the trigger, oldest first, as far as all who read the answer
    see them.
    """
    trigger = turn.trigger
    if trigger.parent_id is None:
        found = await service.recent(turn.channel, limit=_MESSAGES, until=None if turn.cause.made_up else trigger.id)
    else:
        found = await service.thread(trigger.parent_id, limit=_MESSAGES, until=trigger.id)
    return [message for message in found if may_all_see(message, turn.readers)]
