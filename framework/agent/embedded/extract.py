"""Summaries without a language model: who asked what, and what was answered, in the words that were used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from framework.agent.embedded.smalltalk import small_talk
from framework.names import shown_name

if TYPE_CHECKING:
    from framework.agent.conversation import Conversation, Utterance

SAID = 240
"""Characters of one message."""

MOST = 8
"""Questions that are listed, the newest ones."""

_WANTS_SUMMARY = re.compile(
    r"\b(summar(y|ies|i[sz]e\w*)|digest|recap|zusammenfass\w*|résum\w*|resum\w*)\b", re.IGNORECASE
)


def wants_summary(instruction: str) -> bool:
    """Whether an instruction asks for a summary of what was said."""
    return bool(_WANTS_SUMMARY.search(instruction))


def extract(conversation: Conversation) -> str:
    """Each thing that a person said, with what the bot answered to it; small talk left out. Empty where
    nothing was said.
    """
    pairs: list[tuple[Utterance, Utterance | None]] = []
    for utterance in (*conversation.earlier, *conversation.utterances):
        text = utterance.text.strip()
        if utterance.who == "user" and text and small_talk(text) is None:
            pairs.append((utterance, None))
        elif utterance.who == "bot" and text and pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], utterance)
    return "\n".join(_line(*pair) for pair in pairs[-MOST:])


def _line(asked: Utterance, answered: Utterance | None) -> str:
    line = f"- **{shown_name(asked.name or '?')}**: {_short(asked.text)}"
    return f"{line}\n  → {_short(answered.text)}" if answered else line


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= SAID else f"{one[:SAID].rsplit(' ', 1)[0]} …"
