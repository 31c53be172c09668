"""What a handover tells customers and team, in the languages of the fixed sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Final, Literal

from framework.runtime.core.outcome import HandoverKind

Sentence = Literal["restricted", "needs", "called", "nobody", "waited", "begun", "for_team"]

TOLD: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    resources.files(__package__).joinpath("told.json").read_text(encoding="utf-8")
)
"""From a language's two letters to the sentences by name."""

_PUBLIC: Final[Mapping[HandoverKind, str]] = {
    "phrase": "asked",
    "failed_answers": "failed",
    "budget": "spent",
    "errors": "errors",
}  # not for the customer to read how they sound
_FOR_TEAM: Final[Mapping[HandoverKind, str]] = {**_PUBLIC, "sentiment": "upset", "urgent": "danger"}


def public_reason(kind: HandoverKind, language: str) -> str:
    """The reason as everybody in the channel may read it: a sentence."""
    return _in(language)[_PUBLIC.get(kind, "bot_asked")]


def team_reason(kind: HandoverKind, detail: str, language: str) -> str:
    """The reason as the team reads it, without a full stop. `detail` is the log's, in English or a model's words."""
    if language in TOLD and language != "en" and kind in _FOR_TEAM:
        return _in(language)[_FOR_TEAM[kind]].rstrip(".")
    return detail


def reason_in(reason: str, language: str) -> str:
    """A reason that the channel shows, in another language; as it is if it is none of ours."""
    for sentences in TOLD.values():
        for name, sentence in sentences.items():
            if sentence == reason:
                return _in(language)[name]
    return reason


def told(language: str, name: Sentence, **filled: object) -> str:
    """A sentence with its words in braces filled in. Words that were filled in are never read as braces."""
    return _in(language)[name].format(**filled)


def _in(language: str) -> Mapping[str, str]:
    return TOLD.get(language, TOLD["en"])
