"""Messages that no article answers, told by their meaning: talk about the bot itself, and tasks for an assistant.

`Are you there?` and `Write me a poem` share words with some article of any company, and a search would quote it.
"""

from __future__ import annotations

import numpy as np

from framework.agent.knowledge.search.evidence import TalkKind
from framework.agent.knowledge.search.geometry import Geometry
from framework.agent.knowledge.search.words import terms
from framework.embedding.embedder import Vectors

_NEAREST = 3
"""Examples that a message is compared with, the nearest ones of each kind."""

_LEAD = 0.12
"""How much nearer a message must be to examples of a kind than to questions that companies get.

Measured on 70 other messages in 8 languages and on the labelled questions: 65 messages are told, and 3 of 345 questions
are taken for them of which an article is not certain.
"""

_LEAD_OF_ABOUT = 0.05
"""How much nearer a message must be to talk about the bot than to questions about a company or the world."""

_LEAD_LEANING = 0.2
"""The same for a message that may go on with what was said before, such as `Can I pause it?`."""

_LONGEST = 12
"""Words. What is longer says more than that."""

CERTAIN = 0.85
"""The confidence from which on an article answers even what reads like talk."""


class TalkJudge:
    """Tells kinds of talk by the nearest examples. Read-only once built, so safe in threads."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        free = self._free(geometry.talk)
        kinds = np.array(geometry.talk_kinds)
        self._examples: dict[TalkKind, Vectors] = {"about": free[kinds == "about"], "task": free[kinds == "task"]}
        self._support = self._free(geometry.support)
        self._foreign = np.concatenate([self._free(geometry.foreign), free[kinds == "company"]])

    def kind(self, text: str, vector: Vectors, *, leaning: bool = False) -> TalkKind:
        """Tell the kind of a message by its text and its meaning. `leaning`: it may go on with what was said before."""
        if len(terms(text)) > _LONGEST:
            return ""
        free = self._free(vector)
        near = {kind: _near(examples, free) for kind, examples in self._examples.items()}
        best = max(near, key=near.__getitem__)
        if best == "about" and _near(self._foreign, free) > near[best] - _LEAD_OF_ABOUT:
            return ""
        return best if near[best] - _near(self._support, free) > (_LEAD_LEANING if leaning else _LEAD) else ""

    def _free(self, vectors: Vectors) -> Vectors:
        return self._geometry.without_language(vectors, self._geometry.centre)


def _near(examples: Vectors, vector: Vectors) -> float:
    return float(np.sort(examples @ vector)[-_NEAREST:].mean())
