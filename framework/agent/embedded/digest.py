"""Digests and summaries of a channel without a language model: counts, and the words that people used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from framework.agent.embedded.smalltalk import small_talk
from framework.names import shown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.agent.conversation import Conversation, Utterance


MOST = 8
"""Messages that are quoted."""
MOST_LINKS = 8
MOST_QUESTIONS = 8
"""Questions that a summary lists, the newest ones."""
SAID = 240
"""Characters of one message."""

_LINK = re.compile(r"https?://[^\s<>()\[\]\"']+[^\s<>()\[\]\"'.,;:!?]")
_THREAD = re.compile(r"\n\[(\d+) replies in its thread\]$")
_DECIDES = re.compile(
    r"\b(decid\w+|agreed?|we(?:'ll| will| are going to)|let's|deadline|due|until|by (?:mon|tues|wednes|thurs|fri)day|"
    r"releas\w+|shipp?\w*|merged|fixed|broke\w*|blocked|moved to|cancel\w+|starts?|announc\w+|todo|action|"
    r"beschlossen|entschieden|termin|bis (?:mo|di|mi|do|fr)\w*tag)\b",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\s*/[A-Za-z][\w-]*(?:\s|$)")
_WANTS_SUMMARY = re.compile(
    r"\b(summar(y|ies|i[sz]e\w*)|digest|recap|zusammenfass\w*|résum\w*|resum\w*)\b", re.IGNORECASE
)


def digest(conversation: Conversation) -> str:
    """Return counts, then quotes in their order, then links. Empty if people said nothing."""
    said = [one for one in (*conversation.earlier, *conversation.utterances) if _counts(one)]
    if not said:
        return ""
    links = _links(said)
    lines = [_head(said, links), "", *(_line(one) for one in _telling(said))]
    if links:
        lines += ["", "Links:", *(f"- {link} ({name})" for link, name in list(links.items())[:MOST_LINKS])]
    return "\n".join(lines)


def _counts(one: Utterance) -> bool:
    return one.who == "user" and bool(one.text.strip()) and not _COMMAND.match(one.text)


def _head(said: Sequence[Utterance], links: dict[str, str]) -> str:
    people = len({one.name for one in said})
    threads = sum(_replies(one) > 0 for one in said)
    counted = [f"{_many(len(said), 'message')} by {'1 person' if people == 1 else f'{people} people'}"]
    counted += [_many(threads, "thread")] if threads else []
    counted += [_many(len(links), "link")] if links else []
    return f"**{', '.join(counted)}.**"


def _telling(said: Sequence[Utterance]) -> list[Utterance]:
    """The messages that say most, oldest first: decisions, questions, what others answered to, longer texts."""
    worth = [(n, one) for n, one in enumerate(said) if small_talk(one.text) is None] or list(enumerate(said))
    best = sorted(worth, key=lambda item: (-_weight(item[1]), -item[0]))[:MOST]
    return [one for _, one in sorted(best, key=lambda item: item[0])]


def _weight(one: Utterance) -> float:
    text = _THREAD.sub("", one.text)
    weight = min(len(text.split()), 40) / 40
    weight += 1.5 if _DECIDES.search(text) else 0.0
    weight += 1.0 if "?" in text else 0.0
    weight += 0.5 if _LINK.search(text) else 0.0
    return weight + min(_replies(one), 10) / 5


def _line(one: Utterance) -> str:
    replies = _replies(one)
    text = " ".join(_THREAD.sub("", one.text).split())
    short = text if len(text) <= SAID else f"{text[:SAID].rsplit(' ', 1)[0]} …"
    return f"- **{shown_name(one.name or 'Somebody')}**: {short}" + (f" ({_many(replies, 'reply')})" if replies else "")


def _replies(one: Utterance) -> int:
    found = _THREAD.search(one.text)
    return int(found[1]) if found else 0


def _links(said: Sequence[Utterance]) -> dict[str, str]:
    """Each link once, with who shared it first."""
    found: dict[str, str] = {}
    for one in said:
        for link in _LINK.findall(one.text):
            found.setdefault(link, shown_name(one.name))
    return found


def _many(count: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"


def wants_summary(instruction: str) -> bool:
    """Return whether an instruction asks for a summary of what was said."""
    return bool(_WANTS_SUMMARY.search(instruction))


def extract(conversation: Conversation) -> str:
    """Return each thing that a person said, with what the bot answered to it, without small talk. Empty if nothing was
    said.
    """
    pairs: list[tuple[Utterance, Utterance | None]] = []
    for utterance in (*conversation.earlier, *conversation.utterances):
        text = utterance.text.strip()
        if utterance.who == "user" and text and small_talk(text) is None:
            pairs.append((utterance, None))
        elif utterance.who == "bot" and text and pairs and pairs[-1][1] is None:
            pairs[-1] = (pairs[-1][0], utterance)
    return "\n".join(_pair(*pair) for pair in pairs[-MOST_QUESTIONS:])


def _pair(asked: Utterance, answered: Utterance | None) -> str:
    line = f"- **{shown_name(asked.name or '?')}**: {_short(asked.text)}"
    return f"{line}\n  → {_short(answered.text)}" if answered else line


def _short(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= SAID else f"{one[:SAID].rsplit(' ', 1)[0]} …"
