"""What people see in the terminal: errors, notices, the ready banner. Rich is imported when something is shown."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from framework.errors import FrameworkError


@cache
def out() -> Console:
    """Standard output: what was asked for."""
    from rich.console import Console

    return Console(highlight=False)


@cache
def err() -> Console:
    """Standard error: everything about the way there."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def show_error(error: FrameworkError) -> None:
    """Show what happened, where, and what to do next. Plain text where no person is looking."""
    if not sys.stderr.isatty():
        sys.stderr.write(f"error: {error}\n")
        return
    from rich.text import Text

    text = Text("✗ ", style="bold red")
    if error.where:
        text.append(f"{error.where}: ", style="cyan")
    text.append(error.what)
    if error.hint:
        text.append(f"\n  {error.hint}", style="dim")
    err().print(text)


def notice(text: str) -> None:
    """Say something about the way there, dimmed."""
    err().print(text, style="dim", markup=False)
