"""Subjects that no operation serves, so that a search can say so: e-mail, calls, payments and the like."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class UnsupportedTopic:
    """A subject that no operation serves, and how people ask for it."""

    reason: str
    hint: str
    aliases: list[str]


def read_unsupported_topics() -> dict[str, UnsupportedTopic]:
    """Every such subject by name, from data/unsupported_topics.json."""
    file = files("framework.catalog") / "data" / "unsupported_topics.json"
    return {name: UnsupportedTopic(**entry) for name, entry in json.loads(file.read_text(encoding="utf-8")).items()}
