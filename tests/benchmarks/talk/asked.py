"""The messages, and what the embedded model makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from framework.agent.conversation import Utterance
from framework.agent.embedded.composition import compose
from framework.agent.embedded.smalltalk import small_talk
from framework.agent.knowledge.base import KnowledgeBase
from framework.definition.model import Phrases

HERE = Path(__file__).parent


@dataclass(frozen=True)
class FollowUp:
    """A question, what is asked next, and the article that both are about."""

    first: str
    then: str
    article: str

    def answered_by(self, base: KnowledgeBase) -> bool:
        """Whether the article is quoted for what is asked next."""
        answer = compose(base.search(self.first), Phrases(), ()).text
        found = base.search(self.then, (Utterance("user", self.first), Utterance("bot", answer)))
        files = {Path(passage.source.file).stem for passage in found.passages}
        return found.outcome == "answered" and self.article in files


@cache
def kinds(name: str) -> Mapping[str, Sequence[str]]:
    """The messages of a file, by their kind."""
    found: dict[str, list[str]] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def follow_ups() -> Sequence[FollowUp]:
    """All follow-ups."""
    return [FollowUp(*entry) for entry in json.loads((HERE / "follow_ups.json").read_text(encoding="utf-8"))]


def outcome(base: KnowledgeBase, text: str) -> str:
    """Say what a message gets: `about` for talk about the bot, otherwise an outcome."""
    talk = small_talk(text)
    if talk is not None:
        return talk.kind
    evidence = base.search(text)
    return "about" if evidence.talk == "about" else evidence.outcome
