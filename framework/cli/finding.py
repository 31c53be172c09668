"""What `check` says of one part of a bot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_PART_WIDTH = 14


@dataclass(frozen=True)
class CheckFinding:
    """A part of a bot, whether it is right, and a sentence about it. A warning is right, but doubtful."""

    bot: str
    part: str
    ok: bool
    detail: str
    warning: bool = False


def show_findings(findings: Sequence[CheckFinding]) -> None:
    """A bot, and below it a line a part. Long lines stay whole, so that a path in one can be copied and searched."""
    from rich.text import Text

    from framework.cli.screen import out

    previous = ""
    for finding in findings:
        if finding.bot != previous:
            out().print(Text(finding.bot, style="bold"), soft_wrap=True)
            previous = finding.bot
        sign, style = ("!", "yellow") if finding.warning else ("✓", "green") if finding.ok else ("✗", "bold red")
        mark = Text(f"  {sign} ", style=style)
        detail = finding.detail.replace("\n", "\n" + " " * (4 + _PART_WIDTH))
        part = f"{finding.part:<{_PART_WIDTH}}"
        out().print(Text.assemble(mark, part, (detail, "" if finding.ok else "red")), soft_wrap=True)
