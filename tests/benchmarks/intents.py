"""How well `ops search` finds the operation that an intent means, and how well it says that there is none.

    python -m tests.benchmarks.intents [--file INTENTS.json] [--misses] [--words-only]

A set is a list of {"intent", "gold": [ids that are right, or NONE]}. `development` lies beside the repository and was
used for tuning, as was `everyday`. `oblique`, `second`, `unseen`, `final` and `mixed` were each written after tuning
and measured once before they were used in turn; `sealed`, the other half of `mixed`, was only ever measured.
`languages` is German, Spanish and French; `dev_de` and so on were used for tuning, `sealed_languages` was measured
before it was used. These have no goals.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from framework.catalog.catalog import Catalog
from framework.catalog.search.factory import open_search
from framework.catalog.search.search import OperationSearch, SearchResult

HERE = Path(__file__).parent
DEVELOPMENT = HERE.parents[2] / "shared" / "catalog" / "intents_dev.json"
SETS = {"development": DEVELOPMENT, "everyday": HERE / "intents_data" / "everyday.json"}
LANGUAGES = ("de", "es", "fr", "pt", "it", "ja", "zh", "pl", "tr")
HARDER_NAMES = (
    "oblique",
    "second",
    "unseen",
    "final",
    "mixed",
    "sealed",
    "languages",
    "sealed_languages",
    "multi_step",
    *(f"dev_{language}" for language in LANGUAGES),
)
HARDER = {name: HERE / "intents_data" / f"{name}.json" for name in HARDER_NAMES}
NONE = "NONE"
DEPTH = 10

GOALS = {"recall@1": 0.80, "recall@3": 0.92, "recall@5": 0.95, "MRR": 0.86, "AUC": 0.97}
REJECTED_SHARE = 10 / 11
REFUSED_SHARE = 3 / 89
MOST_TOKENS = 1000
MOST_MILLISECONDS = 10.0
MOST_BUILD_SECONDS = 0.5
# Text of this kind has more than four characters a token; three is on the safe side.
CHARACTERS_A_TOKEN = 3


@dataclass
class Figures:
    """What was seen on one set."""

    ranks: list[int] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    foreign: list[float] = field(default_factory=list)
    wrongly_refused: int = 0
    rejected: int = 0
    tokens: list[int] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def recall(self, depth: int) -> float:
        """Share of intents with a right operation among the first `depth`."""
        return sum(rank <= depth for rank in self.ranks) / len(self.ranks)

    def quality(self) -> dict[str, float]:
        """The figures that GOALS names."""
        pairs = [(ours > theirs) + (ours == theirs) / 2 for ours in self.served for theirs in self.foreign]
        return {
            **{f"recall@{depth}": self.recall(depth) for depth in (1, 3, 5)},
            "MRR": statistics.fmean(1 / rank if rank <= DEPTH else 0.0 for rank in self.ranks),
            "AUC": statistics.fmean(pairs) if pairs else 1.0,
        }

    def add(self, gold: list[str], result: SearchResult) -> None:
        """Count one intent."""
        ids = [hit.id for hit in result.hits]
        top = result.hits[0].score if result.hits else 0.0
        refused = result.status == "no_operation"
        if NONE in gold:
            self.foreign.append(top)
            self.rejected += refused
            if not refused:
                self.misses.append(f"not rejected  {result.intent}  ->  {ids[0]} {top:.2f}")
            return
        rank = next((place for place, name in enumerate(ids, 1) if name in gold), DEPTH + 1)
        self.served.append(top)
        self.ranks.append(rank)
        self.wrongly_refused += refused
        if refused:
            self.misses.append(f"refused       {result.intent}  ({result.reason})")
        if rank > 1:
            self.misses.append(f"rank {rank:<8} {result.intent}  ->  {', '.join(ids[:3])}; meant {', '.join(gold)}")


def measure(operations: OperationSearch, file: Path) -> Figures:
    """Search every intent of a set."""
    figures = Figures()
    for row in json.loads(file.read_text(encoding="utf-8")):
        began = time.perf_counter()
        result = operations.search(row["intent"], DEPTH)
        figures.milliseconds.append((time.perf_counter() - began) * 1000)
        figures.tokens.append(len(operations.search(row["intent"]).text()) // CHARACTERS_A_TOKEN)
        figures.add(row["gold"], result)
    return figures


def report(name: str, figures: Figures) -> list[str]:
    """Print the figures of a set; return which of the goals they miss."""
    quality = figures.quality()
    shown = "  ".join(f"{label} {value:.3f}" for label, value in quality.items())
    print(f"{name:<12} {shown}")
    print(
        f"{'':<12} rejected {figures.rejected} of {len(figures.foreign)}, "
        f"wrongly refused {figures.wrongly_refused} of {len(figures.ranks)}; "
        f"p50 {statistics.median(figures.milliseconds):.1f} ms; at most {max(figures.tokens)} tokens"
    )
    short = [f"{name}: {label} below {goal}" for label, goal in GOALS.items() if quality[label] < goal]
    if figures.rejected < REJECTED_SHARE * len(figures.foreign):
        short.append(f"{name}: too few rejected")
    if figures.wrongly_refused > REFUSED_SHARE * len(figures.ranks):
        short.append(f"{name}: too many wrongly refused")
    if max(figures.tokens) > MOST_TOKENS:
        short.append(f"{name}: five hits take more than {MOST_TOKENS} tokens")
    if statistics.median(figures.milliseconds) > MOST_MILLISECONDS:
        short.append(f"{name}: slower than {MOST_MILLISECONDS} ms")
    return short


def main(files: dict[str, Path] | None = None, *, misses: bool = False, words_only: bool = False) -> None:
    """Measure and print; exits with 1 where a goal is missed."""
    began = time.perf_counter()
    operations = open_search(Catalog.load(), words_only=words_only)
    seconds = time.perf_counter() - began
    print(f"catalogue read and index built in {seconds:.2f} s   (limit {MOST_BUILD_SECONDS} s)")
    operations.warm()
    short = [] if seconds <= MOST_BUILD_SECONDS else ["slow to build"]
    for name, file in (files or SETS | HARDER).items():
        if not file.exists():
            print(f"{name:<12} not here: {file}")
            continue
        figures = measure(operations, file)
        missed = report(name, figures)
        short += [] if name in HARDER else missed
        if misses:
            print("\n".join(f"    {line}" for line in figures.misses))
    if short:
        print("below the goals: " + "; ".join(short))
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well `ops search` finds what is meant.")
    parser.add_argument("--file", type=Path, help="Measure this set instead.")
    parser.add_argument("--misses", action="store_true", help="Print what was not found.")
    parser.add_argument("--words-only", action="store_true", help="Compare words, never meanings.")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = _options()
    main({chosen.file.stem: chosen.file} if chosen.file else None, misses=chosen.misses, words_only=chosen.words_only)
