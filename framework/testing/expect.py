"""Whether what happened after a step is what was expected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from framework.testing.scenario import Expectation

_OWN_TOOLS = frozenset({"search_knowledge", "offer_person"})
"""Tools that every agent has: whether they were called is its own affair, unless a test names them."""


@dataclass(frozen=True)
class Observed:
    """Describes what the bot did after a step.

    `messages` are those that it posted or completed, as the chat service has them. `reasons` are those of its silences.
    `tools` are the names of the tools that it called. `channel` holds the channel's fields. `after` is how long the
    last message took, None without a message. `waiting` are the `review` fields of drafts and tool calls that wait for
    the team. `feedback` are the reactions to its replies so far. `for_team` is the text that only the team sees; it is
    not among `messages`.
    """

    messages: Sequence[Mapping[str, Any]] = ()
    reasons: Sequence[str] = ()
    tools: Sequence[str] = ()
    channel: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta | None = None
    waiting: Sequence[Mapping[str, Any]] = ()
    feedback: Sequence[str] = ()
    for_team: str = ""

    @property
    def text(self) -> str:
        """Everything that the bot said."""
        return "\n".join(str(message.get("text", "")) for message in self.messages)


def unmet(expected: Expectation, seen: Observed) -> Iterator[str]:
    """Yield a sentence for each expectation that is not met."""
    yield from _silence(expected, seen)
    yield from _texts(expected, seen)
    yield from _facts(expected, seen)
    yield from _people(expected, seen)
    if expected.within is not None and (seen.after is None or seen.after > expected.within):
        took = "there is no answer" if seen.after is None else f"it took {seen.after.total_seconds():.2f} s"
        yield f"expected an answer within {expected.within.total_seconds():g} s, but {took}"


def _silence(expected: Expectation, seen: Observed) -> Iterator[str]:
    if expected.silence and seen.messages:
        yield f"expected silence, but the bot said: {_short(seen.text)}"
    elif isinstance(expected.silence, str) and not any(_in(expected.silence, reason) for reason in seen.reasons):
        yield f"expected silence because of {expected.silence!r}, but the reason is: {_list(seen.reasons)}"
    if expected.replies is not None and len(seen.messages) != expected.replies:
        yield f"expected {expected.replies} messages of the bot, but there are {len(seen.messages)}"


def _texts(expected: Expectation, seen: Observed) -> Iterator[str]:
    said = _short(seen.text) if seen.messages else f"nothing ({_list(seen.reasons)})"
    for text in expected.text:
        if not _in(text, seen.text):
            yield f"expected {text!r}, but the bot said: {said}"
    for text in expected.not_text:
        if _in(text, seen.text):
            yield f"expected not to read {text!r}, but the bot said: {said}"
    for pattern in expected.regex:
        if not re.search(pattern, seen.text, re.IGNORECASE | re.DOTALL):
            yield f"expected a match of {pattern!r}, but the bot said: {said}"


def _facts(expected: Expectation, seen: Observed) -> Iterator[str]:
    last = seen.messages[-1] if seen.messages else {}
    if expected.outcome is not None and last.get("outcome") != expected.outcome:
        yield f"expected the outcome {expected.outcome}, but it is {last.get('outcome', 'silence')}"
    sources = [str(value) for m in seen.messages for s in m.get("sources") or [] for value in s.values()]
    for article in expected.cites:
        if not any(_in(article, source) for source in sources):
            yield f"expected {article!r} to be cited, but the sources are: {_list(sources)}"
    offered = [str(s) for m in seen.messages for s in m.get("suggestions") or []]
    for suggestion in expected.suggestions:
        if not any(_in(suggestion, one) for one in offered):
            yield f"expected {suggestion!r} to be suggested, but the suggestions are: {_list(offered)}"
    if expected.thread is not None:
        strays = [m for m in seen.messages if bool(m.get("parent_id")) != expected.thread]
        if strays or not seen.messages:
            place = "in a thread" if expected.thread else "in the channel"
            yield f"expected an answer {place}, but {'it stands elsewhere' if strays else 'there is none'}"
    yield from _poll(expected, seen)
    if expected.tools is not None:
        called = {name for name in seen.tools if name not in _OWN_TOOLS or name in expected.tools}
        if called != set(expected.tools):
            yield f"expected the tools {_list(expected.tools)}, but those called are: {_list(sorted(called))}"


def _poll(expected: Expectation, seen: Observed) -> Iterator[str]:
    polls = [m["poll"] for m in seen.messages if m.get("poll")]
    shown = [str(text) for poll in polls for text in (poll.get("name"), *(o.get("text") for o in poll["options"]))]
    for text in expected.poll:
        if not any(_in(text, one) for one in shown):
            yield f"expected {text!r} in a poll, but the polls say: {_list(shown)}"


def _people(expected: Expectation, seen: Observed) -> Iterator[str]:
    handover = seen.channel.get("handover") or {}
    is_open = bool(handover) and handover.get("state", "open") == "open"
    if expected.handover is not None and is_open != bool(expected.handover):
        yield "expected a person to take over" if expected.handover else "expected no handover, but one is open"
    elif isinstance(expected.handover, str) and not _in(expected.handover, str(handover.get("reason", ""))):
        yield f"expected a handover because of {expected.handover!r}, but the reason is: {handover.get('reason')}"
    for text in expected.for_team:
        if not _in(text, seen.for_team):
            yield f"expected {text!r} for the team alone, but that is: {_short(seen.for_team)}"
    waiting = {review.get("kind") for review in seen.waiting}
    if expected.draft is not None and ("draft" in waiting) != expected.draft:
        yield "expected a draft for the team" if expected.draft else "expected no draft"
    if expected.approval is not None and ("tool" in waiting) != expected.approval:
        yield "expected a tool call to wait for the team" if expected.approval else "expected no tool call to wait"
    if expected.feedback is not None and sorted(expected.feedback) != sorted(seen.feedback):
        yield f"expected the feedback {_list(expected.feedback)}, but it is: {_list(seen.feedback)}"


def _in(part: str, whole: str) -> bool:
    return " ".join(part.split()).casefold() in " ".join(whole.split()).casefold()


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 300 else flat[:299] + "…")


def _list(values: Sequence[str]) -> str:
    return ", ".join(values) or "none"
