"""From the end of a turn's transcript to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, ToolMessage

from framework.agent.conversation import Answer, Outcome, Source
from framework.agent.embedded.smalltalk import small_talk
from framework.agent.middleware.budget import cost_of
from framework.agent.middleware.outcome import judge, withheld
from framework.agent.models.pieces import CUT
from framework.agent.models.thoughts import without_retracted
from framework.agent.own_tools import BUILT_IN, HAND_OVER, OFFER_PERSON
from framework.agent.prompt.marks import strip_message_tags
from framework.definition.loader import DEFAULT_KNOWLEDGE
from framework.definition.parts.knowledge_url import article_url
from framework.errors import ModelError

if TYPE_CHECKING:
    from framework.agent.build.dependencies import AgentDependencies
    from framework.agent.conversation import Conversation, Reference
    from framework.agent.transcript import Transcript
    from framework.agent.turn import TurnJournal
    from framework.definition.model import BotDefinition
    from framework.definition.parts.phrases import PhraseTexts


def answer_of(
    transcript: Transcript,
    parts: AgentDependencies,
    conversation: Conversation,
    shown: Sequence[Reference],
    *,
    journal: TurnJournal,
    started: float,
) -> Answer:
    """The answer that a turn came to. `started` is the clock's time of the call. Raises ModelError without one."""
    text, outcome, sources, suggestions = _come_to(transcript, parts, conversation, shown)
    finished, first = parts.clock(), transcript.first_text_at
    tokens_in, tokens_out = (
        _sum(transcript.input_tokens, journal.input_tokens),
        _sum(transcript.output_tokens, journal.output_tokens),
    )
    uncertain = tuple(dict.fromkeys(journal.uncertain))
    return Answer(
        text=_with_doubts(text, uncertain, parts.phrases(conversation).uncertain),
        outcome=outcome,
        sources=tuple(_located(source, parts.bot.definition) for source in sources),
        suggestions=suggestions,
        tools=tuple(transcript.tools),
        model=transcript.model or parts.site.label,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        first_token_seconds=None if first is None else first - started,
        seconds=finished - started,
        cost=cost_of(tokens_in, tokens_out, parts.bot.definition.budget.price),
        uncertain=uncertain,
        spent=transcript.spent,
    )


def _located(source: Source, definition: BotDefinition) -> Source:
    """The source with the address at which people can read it."""
    knowledge = definition.knowledge or (DEFAULT_KNOWLEDGE,)
    url = article_url(source.url, source.file, source.heading, knowledge, definition.knowledge_url)
    return source if url == source.url else replace(source, url=url)


def _sum(counted: int | None, more: int) -> int | None:
    return counted if counted is None and not more else (counted or 0) + more


def _with_doubts(text: str, uncertain: Sequence[str], phrase: str) -> str:
    """A model may forget to say what is not known; so it is said here."""
    doubts = [said for name in uncertain if (said := phrase.replace("{tool}", name)) not in text]
    return "\n\n".join([text, *doubts]) if doubts else text


_Verdict = tuple[str, Outcome, tuple[Source, ...], tuple[str, ...]]


def _come_to(
    transcript: Transcript, parts: AgentDependencies, conversation: Conversation, shown: Sequence[Reference]
) -> _Verdict:
    last = transcript.last
    if transcript.spent:
        return _spent(transcript, parts, parts.phrases(conversation))
    if isinstance(last, ToolMessage) and last.name == HAND_OVER and last.status != "error":
        return last.text, "refused", (), ()
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
        return words or _refusal(parts.phrases(conversation)), "refused", (), suggestions_of(parts)
    return _written(last, transcript, parts, conversation, shown)


def _written(
    last: AIMessage,
    transcript: Transcript,
    parts: AgentDependencies,
    conversation: Conversation,
    shown: Sequence[Reference],
) -> _Verdict:
    """What a language model wrote, and what it rests on."""
    text = strip_message_tags(without_retracted(last.text))
    if not text.strip() and transcript.texts:
        text = transcript.texts[-1]  # said beside a tool call, and nothing after it
    if not text.strip():
        raise ModelError(f"{parts.site.place} sent an empty answer.", retryable=True)
    # Small talk has no source, and needs none; neither does a task.
    talk = small_talk(conversation.question) is not None or bool(conversation.instruction or conversation.decided)
    outcome, sources = judge(
        text,
        shown,
        _found(transcript, parts),
        acted=_acted(transcript),
        needs_source=parts.library is not None and not talk,
    )
    if last.response_metadata.get("finish_reason") == CUT:
        text, outcome = f"{text.rstrip()} …", "unsure"
    return text, outcome, sources, () if outcome == "answered" else suggestions_of(parts)


def _embedded(message: AIMessage) -> _Verdict:
    """The embedded model says itself what its answer is."""
    told: dict[str, Any] = message.response_metadata
    return message.text, told["outcome"], tuple(told.get("sources", ())), tuple(told.get("suggestions", ()))


def _spent(transcript: Transcript, parts: AgentDependencies, phrases: PhraseTexts) -> _Verdict:
    """What there is when the budget is spent: words that came along with a tool call, and the phrase for it."""
    told = phrases.spent.replace("{person}", phrases.person).strip()
    if transcript.texts:
        return f"{transcript.texts[-1].rstrip()}\n\n{told}", "unsure", (), suggestions_of(parts)
    return told, "refused", (), suggestions_of(parts)


def suggestions_of(parts: AgentDependencies) -> tuple[str, ...]:
    """What tools offer to somebody whose question was not answered."""
    offers = [(tool.extras or {}).get("suggest") for tool in parts.tools]
    return tuple(offer for offer in offers if isinstance(offer, str))


def _refusal(phrases: PhraseTexts) -> str:
    return phrases.refused.replace("{person}", phrases.person).replace("{topics}", "")


def _found(transcript: Transcript, parts: AgentDependencies) -> list[Reference]:
    if parts.library is None:
        return []
    return [reference for result in transcript.results for reference in parts.library.read(result.artifact)]


def _acted(transcript: Transcript) -> bool:
    return any(result.status != "error" and result.name not in BUILT_IN for result in transcript.results)
