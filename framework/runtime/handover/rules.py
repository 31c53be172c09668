"""The rules of a handover, and its observer: be silent while a person has the channel, and see what calls for one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished, HandoverRequested
from framework.agent.models.setup import EMBEDDED
from framework.definition.parts.handover import Understood
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.language import own_words
from framework.runtime.core.message_context import of_team
from framework.runtime.core.outcome import Decision, HandOver, HandoverKind, Say, Skip
from framework.runtime.core.turn import Turn
from framework.runtime.handover.mood import may_be_upset, upset
from framework.runtime.handover.recall import RESUMED
from framework.runtime.handover.signs import WITHOUT_EVIDENCE, asks_for_person
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.handover.summary import lately
from framework.runtime.state.handover import Act, Handover
from framework.runtime.team.people import wrote
from framework.runtime.team.words import says_resume
from framework.stream.model import may_all_see
from framework.stream.port import ChatService

if TYPE_CHECKING:
    from framework.runtime.handover.meaning.classifier import MeaningClassifier

_log = structlog.get_logger(__name__)

TAKEN_OVER = "a person has taken over"
"""Why the bot is silent while a handover is open, and for what was written meanwhile."""


class HandoverGate:
    """A rule, before triggers and conditions: silent while a person has the channel; hears the team hand back."""

    def __init__(self, service: ChatService, steps: HandoverSteps) -> None:
        self._service = service
        self._steps = steps

    async def __call__(self, turn: Turn, view: ChannelView) -> Decision | Turn | None:
        """Return Skip, the words that the bot is back, or the turn with the channel's latest handover.

        A turn that was interrupted while it opened a handover goes on with that. An operator who asks for an answer
        gets one, and what the team decided on is done.
        """
        if not turn.definition.handover.enabled or turn.forced:
            return None
        state = await self._steps.state(turn.channel)
        commanded = is_resume(turn) and await wrote(self._service, turn.definition.team, turn.trigger)
        if state is None or not state.is_open:
            if commanded:
                ended = state.ended if state is not None else None
                told = ended is None or ended.by != turn.trigger.id
                return Skip("no handover is open") if told else _back(turn)
            had = state is not None and not turn.cause.made_up and state.had(turn.trigger.created_at)
            return Skip(TAKEN_OVER) if had else replace(turn, handover=state)
        if state.turn == turn.ids.job:
            _log.info("handover.continued")
            return HandOver(state.reason.rstrip("."), "phrase")
        return await self._while_open(turn, state, commanded=commanded)

    async def _while_open(self, turn: Turn, state: Handover, *, commanded: bool) -> Decision | Turn:
        at = turn.trigger.created_at
        if commanded and at > state.since:
            await turn.fence()
            await self._steps.close(turn.channel, state, until=at, act=Act(turn.trigger.user.id, turn.trigger.id))
            return _back(turn)
        if self._steps.is_over(turn.channel, state, at):
            await turn.fence()
            return replace(turn, handover=await self._steps.close_by_time(turn.channel, state))
        await self._note_person(turn, state)
        return Skip(TAKEN_OVER)

    async def _note_person(self, turn: Turn, state: Handover) -> None:
        """The first of the team to write has taken over: the channel shows who."""
        trigger = turn.trigger
        if state.taken is not None or turn.cause.made_up or trigger.created_at <= state.since:
            return
        if of_team(trigger, turn.definition.team):
            await turn.fence()
            await self._steps.take(turn.channel, state, trigger.user, trigger.id)


def is_resume(turn: Turn) -> bool:
    """Whether the message is the command that hands back, as a text or as a slash command."""
    return not turn.cause.made_up and any(says_resume(message, turn.definition) for message in turn.answering)


def _back(turn: Turn) -> Say:
    marks = {"outcome": RESUMED, "suggestions": [], "feedback": []}
    return Say(turn.team_phrases.resumed, "answered", marks, public=True)


async def signs(turn: Turn, view: ChannelView) -> HandOver | None:
    """A rule, after triggers and conditions: a person's words and mood lead to a handover."""
    rules, language = turn.definition.handover, turn.definition.identity.language
    if not rules.enabled or turn.cause.decided or turn.cause.made_up:
        return None
    for message in turn.answering:
        if phrase := asks_for_person(message.text, rules.phrases):
            return HandOver(f"the customer asked for a person ({phrase!r})", "phrase")
    if (meaning := await _understood(turn)) is not None:
        return meaning
    if rules.sentiment and may_be_upset(turn.trigger.text, language):
        seen = [message for message in await lately(turn, view) if may_all_see(message, turn.readers)]
        if why := upset(seen, language):
            return HandOver(f"the customer is upset ({why})", "sentiment")
    return None


_MEANT: Mapping[Understood, tuple[str, HandoverKind]] = {
    "asks": ("the customer asks for a person", "phrase"),
    "anger": ("the customer is angry", "sentiment"),
    "urgent": ("the customer tells of a danger", "urgent"),
}


def _classifier() -> MeaningClassifier | None:
    """What tells requests for a person; None without the extra `embedded`: the declared phrases count all the same."""
    try:
        from framework.runtime.handover.meaning.classifier import classifier
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        return None
    return classifier()


async def _understood(turn: Turn) -> HandOver | None:
    """What the messages mean, by the classifier; its likelihood is in the reason."""
    rules = turn.definition.handover
    model = getattr(turn.setup.agent, "model_label", EMBEDDED)  # an agent of one's own need not name its model
    by_tool = rules.tool and model != EMBEDDED
    wanted = [kind for kind in rules.understands if kind == "urgent" or not by_tool]
    classifier = _classifier() if wanted else None
    if classifier is None:
        return None
    declared = getattr(turn.setup.agent, "has_tool_for", None)
    for message in turn.answering:
        parts = classifier.hint(own_words(message.text))
        meaning = await asyncio.to_thread(classifier.judge, parts) if parts else None
        if meaning is None:
            continue
        over = meaning.is_certain and meaning.kind in wanted
        if meaning.kind != "urgent" and declared is not None and declared(message.text.strip()):
            over = False  # a tool that the bot's author declared for these very words
        _log.info("handover.understood", meaning=meaning.kind, score=round(meaning.score, 2), hands_over=over)
        if over:
            reason, kind = _MEANT[meaning.kind]
            return HandOver(f"{reason} (understood as {meaning.kind!r}, score {meaning.score:.2f})", kind)
    return None


class HandoverWatch:
    """Watches one answer. The handover is done before the reply is complete: a turn that is interrupted repeats it."""

    def __init__(self, steps: HandoverSteps, view: ChannelView) -> None:
        self._steps = steps
        self._view = view
        self._asked: HandoverRequested | None = None

    async def __call__(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """See `Observer`. The last event becomes `HandedOver` if it came to that."""
        if not turn.definition.handover.enabled:
            return event
        if isinstance(event, HandoverRequested):
            self._asked = event
        if not isinstance(event, Finished):
            return event
        why = await self._why(turn, event.answer)
        if why is None:
            return event
        made = await self._steps.prepare(turn, self._view, why)
        return replace(made, answer=replace(event.answer, text=made.answer.text, sources=(), suggestions=()))

    async def rescue(self, turn: Turn, error: Exception) -> Finished | None:
        """See `drive.Rescue`: a person takes over from a bot that failed, if the definition says so."""
        if not (turn.definition.handover.enabled and turn.definition.handover.errors):
            return None
        _log.error("turn.failed", instead="a person takes over", error=str(error), exc_info=error)
        return await self._steps.prepare(turn, self._view, HandOver("the bot failed", "errors"))

    async def _why(self, turn: Turn, answer: Answer) -> HandOver | None:
        rules, asked = turn.definition.handover, self._asked
        if asked is not None:
            return HandOver(asked.reason.rstrip(". ") or "the bot asked for a person", "tool", asked.summary)
        if answer.spent and (rules.budget or turn.definition.budget.when_spent == "handover"):
            return HandOver("the budget of this turn is spent", "budget")
        failed = answer.outcome in WITHOUT_EVIDENCE
        count = await self._steps.failures(turn, failed=failed) if rules.failed_answers > 1 else int(failed)
        if rules.failed_answers and count >= rules.failed_answers:
            return HandOver(f"{count} answers in a row without evidence", "failed_answers")
        return None
