"""Steps of a turn in memory, which outlive the try that left them; they can be made to end it."""

from __future__ import annotations

import json
from typing import Any


class ProcessGoneError(BaseException):
    """Stands for kill -9: nothing catches it."""


class KeptSteps:
    """`Steps`, through JSON as an engine keeps them. The process ends at the first save whose name has `die_at` in it:
    before it is kept, or right after.
    """

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.die_at = ""
        self.after = False

    def saved(self, step: str) -> Any | None:
        return json.loads(self.kept[step]) if step in self.kept else None

    async def save(self, step: str, value: Any) -> None:
        dies = bool(self.die_at) and self.die_at in step
        if dies and not self.after:
            raise ProcessGoneError
        self.kept[step] = json.dumps(value)
        if dies:
            raise ProcessGoneError
