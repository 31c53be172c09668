"""How well the embedded model answers: `python -m tests.benchmarks.answers [BASE ...]`.

Prints, for each base and kind of question, how many answers were right, wrong, unsure and refused, how many questions
without an answer were answered, and what it costs in time and memory. Exit code 1 where a base misses its goal.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from framework.agent.embedded.composition import compose
from framework.agent.knowledge.base import KnowledgeBase
from framework.definition.model import Phrases
from tests.benchmarks.labelled import BASES, Labelled, Question, load

RIGHT_SHARE = 84 / 120
WRONG_SHARE = 14 / 120
INVENTED_SHARE = 8 / 40
UNANSWERABLE = {"unanswerable", "off_topic", "near_miss"}


@dataclass
class Result:
    """What came out for one base. `cold` and `warm` are the seconds to load without and with a cache."""

    name: str
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    cold: float = 0.0
    warm: float = 0.0

    def count(self, verdict: str, *, answerable: bool) -> int:
        """How many questions came out so."""
        return sum(counts[verdict] for kind, counts in self.kinds.items() if (kind not in UNANSWERABLE) is answerable)

    def total(self, *, answerable: bool) -> int:
        """How many questions there are."""
        return sum(self.count(verdict, answerable=answerable) for verdict in ("right", "wrong", "unsure", "refused"))

    @property
    def reached(self) -> bool:
        """Whether the goals are met: enough right, few wrong, few answers to what has none."""
        asked, unanswerable = self.total(answerable=True), self.total(answerable=False)
        return (
            self.count("right", answerable=True) >= RIGHT_SHARE * asked
            and self.count("wrong", answerable=True) <= WRONG_SHARE * asked
            and self.count("wrong", answerable=False) <= INVENTED_SHARE * unanswerable
        )


def judge(question: Question, base: KnowledgeBase) -> str:
    """Ask, and say what came of it: right, wrong, unsure or refused."""
    reply = compose(base.search(question.text, question.history), Phrases(), ())
    if reply.outcome != "answered":
        return reply.outcome
    return "right" if question.answerable and question.is_right(reply.text) else "wrong"


def measure(labelled: Labelled, base: KnowledgeBase, *, verbose: bool = False) -> Result:
    """Ask all questions of a base."""
    result = Result(labelled.name)
    for question in labelled.questions:
        started = time.perf_counter()
        verdict = judge(question, base)
        result.seconds.append(time.perf_counter() - started)
        result.kinds.setdefault(question.kind, Counter())[verdict] += 1
        if verbose and verdict != ("right" if question.answerable else "refused"):
            evidence = base.search(question.text, question.history)
            found = " | ".join(f"{p.source.title} › {p.source.heading}" for p in evidence.passages)
            print(f"{verdict:7} {question.kind:13} {evidence.confidence:.2f} {question.text[:90]}  ->  {found}")
    return result


def table(results: Sequence[Result]) -> None:
    """Print what was measured."""
    for result in results:
        print(f"\n{result.name:24} right wrong unsure refused")
        for kind, counts in result.kinds.items():
            print(f"  {kind:22} {counts['right']:5} {counts['wrong']:5} {counts['unsure']:6} {counts['refused']:7}")
        asked, without = result.total(answerable=True), result.total(answerable=False)
        spent = sorted(result.seconds)
        right, wrong = result.count("right", answerable=True), result.count("wrong", answerable=True)
        invented = result.count("wrong", answerable=False)
        print(
            f"  of {asked}: {right} right, {wrong} wrong; of {without} without an answer: {invented} answered", end=""
        )
        print(f"  [{'reached' if result.reached else 'MISSED'}]")
        print(f"  search: p50 {median(spent) * 1e3:.1f} ms, p95 {spent[int(len(spent) * 0.95)] * 1e3:.1f} ms", end="")
        print(f"; load: {result.cold:.1f} s, with cache {result.warm * 1e3:.0f} ms" if result.cold else "")


def timed_load(labelled: Labelled, cache: Path) -> tuple[KnowledgeBase, float]:
    """Load a base, and how many seconds that took."""
    started = time.perf_counter()
    base = KnowledgeBase.load(labelled.files, labelled.folder, cache)
    return base, time.perf_counter() - started


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bases", nargs="*", help="names below tests/benchmarks/knowledge, or folders; all without any")
    parser.add_argument("--verbose", action="store_true", help="print each question that did not come out as it should")
    given = parser.parse_args()
    results = []
    for name in given.bases or sorted(folder.name for folder in BASES.iterdir()):
        labelled = load(name)
        with tempfile.TemporaryDirectory() as cache:
            _, cold = timed_load(labelled, Path(cache))
            base, warm = timed_load(labelled, Path(cache))
        result = measure(labelled, base, verbose=given.verbose)
        result.cold, result.warm = cold, warm
        results.append(result)
    table(results)
    print(f"\nmemory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0 if all(result.reached for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
