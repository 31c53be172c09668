"""What a search found, and how far it may be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from framework.agent.conversation import Outcome, Source

TalkKind = Literal["", "about", "task"]
"""`about`: of the bot itself. `task`: for an assistant, such as a poem or a phone call. Empty: anything else."""


@dataclass(frozen=True)
class Passage:
    """A passage of an article. `quote` is what an answer shows of it, `text` all of it; `score` orders passages."""

    source: Source
    text: str
    quote: str
    score: float


@dataclass(frozen=True)
class Evidence:
    """The passages that fit best.

    With `answered` they are the answer, one for each part of the question; with `unsure` they only come close and are
    not to be quoted; with `refused` there are none. `confidence` runs from 0 to 1. `talk` says what the message is if
    it is nothing for articles.
    """

    outcome: Outcome
    passages: tuple[Passage, ...]
    confidence: float
    talk: TalkKind = ""
