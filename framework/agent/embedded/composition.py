"""From evidence to what the embedded model says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from framework.agent.conversation import Outcome, Source
from framework.agent.knowledge.search.evidence import Evidence, Passage
from framework.definition.parts.phrases import PhraseTexts


@dataclass(frozen=True)
class EmbeddedReply:
    """A text, what it is, where it comes from, and what to offer beside it."""

    text: str
    outcome: Outcome
    sources: tuple[Source, ...] = ()
    suggestions: tuple[str, ...] = ()


def compose(evidence: Evidence, phrases: PhraseTexts, suggestions: tuple[str, ...]) -> EmbeddedReply:
    """Quote with the place it is from; or name the articles that come closest; or say that there is nothing.

    What is from one article stands together, and the article is named once.
    """
    articles = _by_article(evidence.passages)
    sources = tuple(passages[0].source for passages in articles.values())
    if evidence.outcome == "answered":
        return EmbeddedReply("\n\n".join(map(_quoted, articles.values())), "answered", sources)
    if evidence.outcome == "unsure":
        topics = ", ".join(f"“{title}”" for title in _titles(evidence.passages))
        text = phrases.unsure.replace("{topics}", topics).replace("{person}", phrases.person)
        return EmbeddedReply(text, "unsure", sources, suggestions)
    return EmbeddedReply(phrases.refused.replace("{person}", phrases.person), "refused", (), suggestions)


def _by_article(passages: Iterable[Passage]) -> Mapping[tuple[str, str], Sequence[Passage]]:
    found: dict[tuple[str, str], list[Passage]] = {}
    for passage in passages:
        found.setdefault((passage.source.file, passage.source.title), []).append(passage)
    return found


def _quoted(passages: Sequence[Passage]) -> str:
    quotes = list(dict.fromkeys(passage.quote for passage in passages))
    source = passages[0].source
    one_place = source.heading and len({passage.source.heading for passage in passages}) == 1
    return "\n\n".join([*quotes, f"— “{source.title} › {source.heading}”" if one_place else f"— “{source.title}”"])


def _titles(passages: tuple[Passage, ...]) -> list[str]:
    return list(dict.fromkeys(passage.source.title for passage in passages))[:3]
