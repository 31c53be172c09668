"""Reading a file of lines while others write it: the last line counts once it has ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def whole_lines(file: Path) -> list[str]:
    """The lines that are complete."""
    return file.read_text().rpartition("\n")[0].splitlines()


def log_entries(file: Path) -> list[dict[str, Any]]:
    """What a process has logged as JSON, among what else it printed."""
    return [json.loads(line) for line in whole_lines(file) if line.startswith("{")]
