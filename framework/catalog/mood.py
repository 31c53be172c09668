"""Whether an intent asks to be told something, or to have something done."""

from __future__ import annotations

import re
from typing import Literal

Mood = Literal["ask", "act"]

_ASKS = re.compile(
    r"^(?:(?:hey|hi|ok|so|and|but|please|quick question|quickly)[,: ]+)*"
    r"(?:(?:can|could|would|will) (?:you|u|we|i) (?:please )?)?"
    r"(?:i (?:want|need|would like|'d like) to (?:know|see|find)|(?:i )?(?:wonder|wondering)|let me (?:know|see)|"
    r"who|whom|whose|what|which|where|when|why|how|is|are|am i|was|were|has|"
    r"have (?:i|we|they|you|people|the)|do i|do we|do they|does|did|any|anything|anyone|list|show(?! that)|find|search|"
    r"look (?:up|for)|looking for|get (?:me|the|all|a)\b|give me (?:the|a list|all|an overview|details)|"
    r"check|see|tell me|count|fetch|read|pull up|bring up|display|view|retrieve|lookup|query|verify|test|validate|"
    r"inspect|export|browse|load|dig (?:up|out)|status|details)\b"
)
_ACTS = re.compile(r"^(?:can|could|would|will) (?:you|u|we|i|somebody|someone) ")


def mood_of(intent: str) -> Mood:
    """`ask` for questions and for orders to look something up, `act` for everything else."""
    text = " ".join(intent.lower().split())
    if _ASKS.match(text):
        return "ask"
    return "ask" if text.endswith("?") and not _ACTS.match(text) else "act"
