"""How this program was called: hints name commands in the same way."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = "agents-in-channels"
"""The program that the package installs."""


def called_as() -> str:
    """Return `agents-in-channels` if that was called, else `python -m framework`, by the path of a Python in a folder
    below the working directory, as in `.venv/bin/python -m framework`.
    """
    if Path(sys.argv[0]).name == SCRIPT:
        return SCRIPT
    here, program = Path.cwd(), Path(sys.executable)
    python = program.relative_to(here) if program.is_relative_to(here) else "python"
    return f"{python} -m framework"
