"""From the end of a turn's transcript to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, ToolMessage

from framework.agent.conversation import Answer, Outcome, Source
from framework.agent.outcome import OFFER_PERSON, SEARCH, judge, withheld
from framework.agent.smalltalk import is_greeting, is_thanks
from framework.errors import ModelError

if TYPE_CHECKING:
    from framework.agent.parts import Parts
    from framework.agent.reference import Reference
    from framework.agent.transcript import Transcript


def answer_of(
    transcript: Transcript, parts: Parts, question: str, shown: Sequence[Reference], *, started: float
) -> Answer:
    """The answer that a turn came to. `started` is the clock's time of the call. Raises ModelError without one."""
    text, outcome, sources, suggestions = _come_to(transcript, parts, question, shown)
    finished, first = parts.clock(), transcript.first_text_at
    return Answer(
        text=text,
        outcome=outcome,
        sources=sources,
        suggestions=suggestions,
        tools=tuple(transcript.tools),
        model=parts.site.label,
        input_tokens=transcript.input_tokens,
        output_tokens=transcript.output_tokens,
        first_token_seconds=None if first is None else first - started,
        seconds=finished - started,
    )


_Verdict = tuple[str, Outcome, tuple[Source, ...], tuple[str, ...]]


def _come_to(transcript: Transcript, parts: Parts, question: str, shown: Sequence[Reference]) -> _Verdict:
    last = transcript.last
    if isinstance(last, ToolMessage) and last.name == OFFER_PERSON and last.status != "error":
        return last.text, cast("Outcome", last.artifact), (), suggestions_of(parts)
    if isinstance(last, ToolMessage) and last.status != "error":
        # A tool of the bot that answers the person directly (LangChain's `return_direct`).
        return last.text, "answered", (), ()
    if not isinstance(last, AIMessage):
        raise ModelError(f"{parts.site.place} ended without an answer.", retryable=True)
    if parts.embedded:
        return _embedded(last)
    words = withheld(last)
    if words is not None:
        return words or _refusal(parts), "refused", (), suggestions_of(parts)
    if not last.text.strip():
        raise ModelError(f"{parts.site.place} sent an empty answer.", retryable=True)
    outcome, sources = judge(
        last.text,
        shown,
        _found(transcript, parts),
        acted=_acted(transcript),
        # A greeting has no source, and needs none.
        needs_source=parts.library is not None and not (is_greeting(question) or is_thanks(question)),
    )
    return last.text, outcome, sources, () if outcome == "answered" else suggestions_of(parts)


def _embedded(message: AIMessage) -> _Verdict:
    """The embedded model says itself what its answer is."""
    told: dict[str, Any] = message.response_metadata
    return message.text, told["outcome"], tuple(told.get("sources", ())), tuple(told.get("suggestions", ()))


def suggestions_of(parts: Parts) -> tuple[str, ...]:
    """What tools offer to somebody whose question was not answered."""
    offers = [(tool.extras or {}).get("suggest") for tool in parts.tools]
    return tuple(offer for offer in offers if isinstance(offer, str))


def _refusal(parts: Parts) -> str:
    phrases = parts.bot.definition.phrases
    return phrases.refused.replace("{person}", phrases.person).replace("{topics}", "")


def _found(transcript: Transcript, parts: Parts) -> list[Reference]:
    if parts.library is None:
        return []
    return [reference for result in transcript.results for reference in parts.library.read(result.artifact)]


def _acted(transcript: Transcript) -> bool:
    return any(result.status != "error" and result.name not in {SEARCH, OFFER_PERSON} for result in transcript.results)
