"""What became of it, told by the channels themselves and by the file of the tool's effects."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.chaos.app import PERSON
from tests.chaos.plan import Question

RECOVERY = 10.0
"""Seconds beyond the agent's own within which a killed replica's turns are complete."""
_MARKER = re.compile(r"About (c\d+-\d+):")

Channels = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass
class Verdict:
    """Counts of questions, but for the tool's. Seconds. Lists name the questions concerned."""

    asked: int = 0
    replied: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    disorder: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    tool_once: int = 0
    tool_uncertain: int = 0
    tool_repeated: list[str] = field(default_factory=list)
    tool_claimed: list[str] = field(default_factory=list)
    recovered: int = 0
    recovery_median: float | None = None
    recovery_longest: float | None = None
    late: list[str] = field(default_factory=list)
    final_median: float | None = None
    final_p95: float | None = None

    @property
    def violations(self) -> list[str]:
        """Each broken promise, in words."""
        named = {
            "lost": self.lost,
            "doubled": self.doubled,
            "not completed": self.unfinished,
            "wrong text": self.wrong,
            "out of order": self.disorder,
            "to no question": self.strays,
            "tool ran again": self.tool_repeated,
            "tool claimed, but not run": self.tool_claimed,
            f"recovered after more than {RECOVERY:.0f} s": self.late,
        }
        return [f"{what}: {', '.join(who[:5])}{' ...' if len(who) > 5 else ''}" for what, who in named.items() if who]

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "violations": self.violations}


@dataclass(frozen=True)
class Evidence:
    """What is known beside the channels. `killed`: ids of replies that a killed process was working on, and when (Unix
    seconds). `agent`: seconds that the agent took over a reply, in the try that came to its end, by the reply's id.
    `judges_recovery`: whether nothing but a death kept turns from being complete in time.
    """

    effects: Path
    killed: Mapping[str, float] = field(default_factory=dict)
    agent: Mapping[str, float] = field(default_factory=dict)
    judges_recovery: bool = True


def judge(planned: Mapping[str, Sequence[Question]], channels: Channels, evidence: Evidence) -> Verdict:
    """Look at all channels."""
    killed = evidence.killed
    verdict = Verdict()
    runs = _runs(evidence.effects)
    waits: list[float] = []
    recoveries: list[float] = []
    for channel, asked in planned.items():
        replies = _replies(channels[channel], {question.id: question for question in asked}, verdict)
        times = []
        for question in asked:
            verdict.asked += 1
            found = replies.get(question.id, [])
            if len(found) > 1:
                verdict.doubled.append(question.marker)
            if not found:
                verdict.lost.append(question.marker)
                continue
            reply = found[0]
            _read(question, reply, runs, verdict)
            times.append((_time(reply["created_at"]), question.marker))
            posted = next(m for m in channels[channel] if m["id"] == question.id)
            done = _time(reply.get("updated_at") or reply["created_at"])
            waits.append(done - _time(posted["created_at"]))
            if reply["id"] in killed and done > killed[reply["id"]]:
                took = done - killed[reply["id"]] - evidence.agent.get(reply["id"], 0.0)
                recoveries.append(took)
                if took > RECOVERY and evidence.judges_recovery:
                    verdict.late.append(f"{question.marker} ({took:.1f} s)")
        verdict.disorder += [late[1] for early, late in pairwise(times) if early[0] > late[0]]
    verdict.tool_repeated = [key for key, count in runs.items() if count > 1]
    verdict.recovered = len(recoveries)
    if recoveries:
        verdict.recovery_median, verdict.recovery_longest = statistics.median(recoveries), max(recoveries)
    if len(waits) > 1:
        verdict.final_median, verdict.final_p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
    return verdict


def complete(planned: Mapping[str, Sequence[Question]], channels: Channels) -> list[str]:
    """The channels in which each question has a reply that is complete."""
    done = []
    for channel, messages in channels.items():
        finished = {m.get("reply_to") for m in messages if _by_bot(m) and not m.get("generating")}
        if all(question.id in finished for question in planned[channel]):
            done.append(channel)
    return done


def _replies(
    messages: Sequence[Mapping[str, Any]], asked: Mapping[str, Question], verdict: Verdict
) -> dict[str, list[Mapping[str, Any]]]:
    """The bot's messages by the question that each answers, whatever says so: its own words, or what it replies to."""
    by_marker = {question.marker: question.id for question in asked.values()}
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for message in messages:
        if not _by_bot(message):
            continue
        said = _MARKER.search(message.get("text") or "")
        answers = by_marker.get(said.group(1)) if said else message.get("reply_to")
        if answers in asked:
            found[str(answers)].append(message)
        else:
            verdict.strays.append(str(message["id"]))
    return found


def _read(question: Question, reply: Mapping[str, Any], runs: Counter[str], verdict: Verdict) -> None:
    """One reply: complete, of the right words, and true to what the tool did."""
    if reply.get("generating"):
        verdict.unfinished.append(question.marker)
        return
    text = str(reply["text"])
    certain = text == question.answers[0]
    # The bot adds in its own words that it does not know whether the tool did it.
    uncertain = question.noting and text.startswith(question.answers[1]) and "note" in text[len(question.answers[1]) :]
    if not certain and not uncertain:
        verdict.wrong.append(f"{question.marker} ({_difference(text, question.answers[0])})")
        return
    verdict.replied += 1
    if not question.noting:
        return
    if uncertain:
        verdict.tool_uncertain += 1
    elif runs[question.marker]:
        verdict.tool_once += 1
    else:
        verdict.tool_claimed.append(question.marker)


def _difference(said: str, meant: str) -> str:
    """Where a text leaves the one that was meant."""
    same = next((n for n, (one, other) in enumerate(zip(said, meant, strict=False)) if one != other), len(meant))
    return f"{len(said)} characters for {len(meant)}, from {same} on {said[same : same + 80]!r}"


def _runs(effects: Path) -> Counter[str]:
    """How often the tool ran for each question."""
    lines = effects.read_text(encoding="utf-8").splitlines() if effects.exists() else []
    return Counter(line.split("\t")[1] for line in lines)


def _by_bot(message: Mapping[str, Any]) -> bool:
    return not str(message["user"]["id"]).startswith(PERSON) and message.get("type") != "deleted"


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
