"""From evidence to what the embedded model says."""

from __future__ import annotations

from dataclasses import dataclass

from framework.agent.conversation import Outcome, Source
from framework.agent.knowledge.search.evidence import Evidence, Passage
from framework.definition.model import Phrases


@dataclass(frozen=True)
class EmbeddedReply:
    """A text, what it is, where it comes from, and what to offer beside it."""

    text: str
    outcome: Outcome
    sources: tuple[Source, ...] = ()
    suggestions: tuple[str, ...] = ()


def compose(evidence: Evidence, phrases: Phrases, suggestions: tuple[str, ...]) -> EmbeddedReply:
    """Quote with the place it is from; or name the articles that come closest; or say that there is nothing."""
    if evidence.outcome == "answered":
        text = "\n\n".join(f"{passage.quote}\n\n— {_citation(passage.source)}" for passage in evidence.passages)
        return EmbeddedReply(text, "answered", tuple(passage.source for passage in evidence.passages))
    if evidence.outcome == "unsure":
        topics = ", ".join(f"“{title}”" for title in _titles(evidence.passages))
        text = phrases.unsure.replace("{topics}", topics).replace("{person}", phrases.person)
        return EmbeddedReply(text, "unsure", tuple(passage.source for passage in evidence.passages), suggestions)
    return EmbeddedReply(phrases.refused.replace("{person}", phrases.person), "refused", (), suggestions)


def _citation(source: Source) -> str:
    return f"“{source.title} › {source.heading}”" if source.heading else f"“{source.title}”"


def _titles(passages: tuple[Passage, ...]) -> list[str]:
    return list(dict.fromkeys(passage.source.title for passage in passages))[:3]
