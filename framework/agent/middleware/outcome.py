"""Whether a language model answered, and what its answer rests on.

A model that cannot answer calls the tool `offer_person` with what it tells the customer; the turn ends there, so this
costs no further call. An answer that it writes counts as answered when it cites an article that it was shown, or when a
tool of the bot did something for it. Where there are articles and the answer names none, nothing shows that it is not
made up: that is unsure. The embedded model says itself what it came to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage

from framework.agent.conversation import Outcome, Reference, Source
from framework.agent.models.answer_reader import REFUSAL

_BRACKETED = re.compile(r"[\[【(]([^\[\]【】()]{1,200})[\]】)]")
# Square brackets alone: `(2)` is more often a quantity than a citation.
_NUMBERED = re.compile(r"[\[【]\s*(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\s*[\]】]")
_PLAIN_TITLE = 8
"""A title shorter than this may be a word of the answer: it counts only in brackets."""


def judge(
    text: str, shown: Sequence[Reference], found: Sequence[Reference], *, acted: bool, needs_source: bool
) -> tuple[Outcome, tuple[Source, ...]]:
    """What a written answer is, and its sources. `shown` was numbered before the question, `found` came from searches
    of the model's own; `acted`: a tool of the bot succeeded; `needs_source`: the bot has articles, and was asked
    something.
    """
    sources = cited(text, shown, found)
    answered = bool(sources) or acted or not needs_source
    return ("answered" if answered else "unsure"), sources


def withheld(message: AIMessage) -> str | None:
    """The words with which a provider's safety rules kept an answer back; empty where there are none, None where there
    is an answer.
    """
    blocks = message.content if isinstance(message.content, list) else []
    said = [
        str(block.get("refusal", "")) for block in blocks if isinstance(block, dict) and block.get("type") == "refusal"
    ]
    if said or message.additional_kwargs.get("refusal"):
        return " ".join(said) or str(message.additional_kwargs["refusal"])
    reason = message.response_metadata.get("finish_reason")
    if reason == REFUSAL:
        return message.text
    return "" if reason == "content_filter" else None


def cited(text: str, shown: Sequence[Reference], found: Sequence[Reference] = ()) -> tuple[Source, ...]:
    """The articles that a text names, by title or by their number among `shown`; each article once."""
    numbers = {int(number) for mark in _NUMBERED.findall(text) for number in re.findall(r"\d+", mark)}
    named = [_plain(mark) for mark in _BRACKETED.findall(text)]
    whole = f" {_plain(text)} "
    sources: dict[str, Source] = {}
    for number, reference in enumerate((*shown, *found), 1):
        title = _plain(reference.source.title)
        if not title:
            continue
        by_number = number <= len(shown) and number in numbers
        in_brackets = any(f" {title} " in f" {mark} " for mark in named)
        in_text = len(title) >= _PLAIN_TITLE and " " in title and f" {title} " in whole
        if by_number or in_brackets or in_text:
            sources.setdefault(reference.source.file or title, reference.source)
    return tuple(sources.values())


def _plain(text: str) -> str:
    """Words alone, case folded, one space between."""
    return " ".join(re.findall(r"\w+", text.casefold()))
