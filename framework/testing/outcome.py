"""The result of a conversation test: what was said, and which expectations were not met."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from framework.errors import Position
from framework.testing.scenario import Test

Verdict = Literal["passed", "failed", "skipped", "error"]


@dataclass(frozen=True)
class Line:
    """One line of what happened: a message, or something else (`kind`). `minute` is virtual seconds from the start."""

    who: str
    text: str
    seconds: float
    kind: Literal["person", "bot", "other_bot", "note"] = "person"
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """An expectation that was not met, and where it stands."""

    what: str
    where: Position


@dataclass
class TestResult:
    """One test: its verdict, what happened, what failed. `seconds` are real ones."""

    test: Test
    verdict: Verdict = "passed"
    lines: list[Line] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0

    __test__ = False  # for pytest, which collects what is called so

    def fail(self, what: str, where: Position) -> None:
        """Note an expectation that was not met."""
        self.verdict = "failed"
        self.failures.append(Failure(what, where))
