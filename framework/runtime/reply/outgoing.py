"""The observer that makes an answer fit to be posted, before it is split into messages and shown to anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from framework.agent.conversation import AgentEvent, Answer, Finished, Source
from framework.agent.outgoing import refusal
from framework.outbound import Screen, Verdict
from framework.runtime.core.turn import Turn
from framework.runtime.reply.refusals import Refusals
from framework.stream.model import ChannelRef

_log = structlog.get_logger(__name__)

ScreenAt = Callable[[ChannelRef | None], Screen]


class Outgoing:
    """The final text is looked at here; what is shown before it, and all else that a bot posts, by its chat service."""

    def __init__(self, screen_at: ScreenAt, refusals: Refusals) -> None:
        self._screen_at = screen_at
        self._refusals = refusals

    async def __call__(self, turn: Turn, event: AgentEvent) -> AgentEvent:
        """See `Observer`."""
        if not isinstance(event, Finished):
            return event
        screen = self._screen_at(turn.channel)
        answer = event.answer
        if screen.rules is not None:
            verdict = await screen.rules.judged(answer.text, turn.reply_id)
            if verdict.refused or verdict.alerts:
                await self._refusals.tell(turn, verdict)
            answer = _by(verdict, answer, screen, instead=refusal(turn.phrases))
        text = screen(answer.text)
        if text != answer.text:
            _log.info("answer.screened", characters=len(answer.text), left=len(text))
        return event if text == event.answer.text and answer is event.answer else _with(event, answer, text)


def _by(verdict: Verdict, answer: Answer, screen: Screen, *, instead: str) -> Answer:
    """The answer as the rules leave it, with the sources and suggestions that they let pass. What is said `instead` of
    one that they refuse is in the reader's language.
    """
    if verdict.refused:
        return replace(answer, text=instead, outcome="refused", sources=(), suggestions=())
    sources = tuple(one for one in answer.sources if _passes(screen, *_texts(one)))
    suggestions = tuple(one for one in answer.suggestions if _passes(screen, one))
    return replace(answer, text=verdict.text, sources=sources, suggestions=suggestions)


def _texts(source: Source) -> tuple[str, ...]:
    return source.title, source.heading, source.file


def _passes(screen: Screen, *texts: str) -> bool:
    return screen.rules is None or all(screen.rules.final(text).text == text for text in texts)


def _with(event: Finished, answer: Answer, text: str) -> Finished:
    return replace(event, answer=replace(answer, text=text))
