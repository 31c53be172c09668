"""What `moderation check` says of one text, as JSON and in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

from framework.moderation.guard import Applied
from framework.moderation.guards import Guards
from framework.moderation.message import Screened, pieces_of
from framework.moderation.text_check import TextCheck, as_record


class Judge(Protocol):
    """Says what becomes of a text, or what stands in it."""

    def record(self, text: str) -> dict[str, Any]:
        """What there is to say, as JSON, with `outcome`."""

    def lines(self, text: str, record: dict[str, Any]) -> Iterator[str]:
        """The same in lines for people."""


class ByTerms:
    """Says what terms and personal data stand in a text."""

    def __init__(self, check: TextCheck) -> None:
        self._check = check

    def record(self, text: str) -> dict[str, Any]:
        """`outcome` is clean or hit; `hits` has term or kind, how, start and end."""
        hits = [as_record(one) for one in self._check.find(text)]
        return {"outcome": "hit" if hits else "clean", "hits": hits}

    def lines(self, text: str, record: dict[str, Any]) -> Iterator[str]:
        """A line for each hit."""
        for hit in record["hits"]:
            name = hit.get("term") or hit.get("kind")
            yield f"{hit['start']}-{hit['end']}  {name} ({hit['how']}): {text[hit['start'] : hit['end']]!r}"
        if not record["hits"]:
            yield "clean"


class ByRules:
    """Says what the rules decide on a text that `author` writes."""

    def __init__(self, guards: Guards, author: Screened) -> None:
        self._guards = guards
        self._author = author

    def record(self, text: str) -> dict[str, Any]:
        """`outcome` is what becomes of the message; `rules` names all that apply."""
        decision = self._guards.judge(replace(self._author, pieces=pieces_of({"text": text})))
        record: dict[str, Any] = {
            "outcome": str(decision.outcome), "rules": [_rule(one) for one in decision.applied]
        }  # fmt: skip
        if decision.changed:
            record["becomes"] = decision.changed[0].text
        if decision.say:
            record["say"] = decision.say
        return record

    def lines(self, text: str, record: dict[str, Any]) -> Iterator[str]:
        """The outcome, and a line for each rule that applies."""
        yield record["outcome"]
        for rule in record["rules"]:
            found = ", ".join(
                f"{one['what']} ({one['how']}) at {one['start']}-{one['end']}" if one["start"] >= 0 else one["what"]
                for one in rule["found"]
            )
            yield f"  {rule['name']}: {rule['outcome']}, {rule['where']}: {found}"
        if "becomes" in record:
            yield f"  becomes: {record['becomes']}"
        if "say" in record:
            yield f"  the author reads: {record['say']}"
        if not self._guards.of_channel(self._author.channel):
            yield f"  nobody guards {self._author.channel}"


def _rule(one: Applied) -> dict[str, Any]:
    found = [
        {"what": f.what, "how": str(f.how), "path": list(f.path), "start": f.start, "end": f.end} for f in one.findings
    ]
    return {"name": one.rule.name, "outcome": str(one.outcome), "where": str(one.where or ""), "found": found}
