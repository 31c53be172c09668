"""Whether an intent asks to be told something, or to have something done."""

from __future__ import annotations

import re
from typing import Literal

Mood = Literal["ask", "act", "unclear"]

_POLITE = re.compile(
    r"^(?:(?:hey|hi|ok|okay|so|and|but|please|pls|quick question|quickly|just|now|then|also|kindly)[,: ]+)*"
    r"(?:(?:can|could|would|will) (?:you|u|we|i|somebody|someone) (?:please |pls |just |quickly )*)?"
    r"(?:i (?:want|need|would like|'d like|wish)(?: you)? to |i(?:'d| would) like |let me |help me |let us |let's )?"
)
_ASKS = re.compile(
    r"(?:who|who's|whom|whose|what|what's|which|where|where's|when|why|how|is|are|am i|was|were|has|"
    r"have (?:i|we|they|you|people|the|any)|do i|do we|do they|does|did|any|anything|anyone|anybody|"
    r"list|show(?! that)|find|search|seek|look|looking for|"
    r"get\b(?!.*\b(?:into|in|out|off|back|onto|rid|started|going|moving)\b)|"
    r"give (?:me|us) (?:the|a list|all|an overview|details|every|everyone|everything|my)|check|see|know|tell me|count|"
    r"fetch|read|pull (?:up|every|all|the (?:list|details|messages|members|history|stats))|bring up|display|view|"
    r"retrieve|lookup|query|verify|test|validate|inspect|browse|load|dig|status|details|print|describe|explain|"
    r"enumerate|examine|wonder|wondering|i wonder|i'm wondering|i am wondering|open the|catch me up|preview|compare|"
    r""
    r"confirm (?:that|whether|if|.*\b(?:is|are|was|were|has|have)\b)|make sure (?:that|the)|tell us|"
    r"(?:the )?(?:results?|outcome|status|state|history|size|number|list|names?|members|details) of|"
    r"statistics|stats|info|information|overview)\b"
)
_NAMES = re.compile(
    r"(?:all|every|everyone|everybody|everything|my|our|the|that|those|these|this|there|latest|number)\b"
)


def mood_of(intent: str) -> Mood:
    """`ask` for questions and orders to look something up, `act` for other orders, `unclear` for what names a thing."""
    text = " ".join(intent.lower().replace("’", "'").split())
    polite = _POLITE.match(text)
    order = text[polite.end() :] if polite else text
    if _ASKS.match(order):
        return "ask"
    if text.endswith("?") and order == text:
        return "ask"
    return "unclear" if _NAMES.match(order) else "act"
