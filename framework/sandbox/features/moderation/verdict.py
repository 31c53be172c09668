"""What checks find in a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ACTIONS = ("remove", "bounce_remove", "bounce", "bounce_flag", "shadow", "mask_flag", "mask", "flag")
"""What may be done, the strongest first."""
_ALIASES = {"block": "remove", "shadow_block": "shadow", "flag_content": "flag", "block_content": "remove",
            "shadow_content": "shadow", "mask_content": "mask", "bounce_content": "bounce",
            "bounce_flag_content": "bounce_flag", "bounce_remove_content": "bounce_remove"}  # fmt: skip


@dataclass
class Verdict:
    """What was found in a text. `action` is "keep" if nothing was."""

    action: str = "keep"
    lists: list[str] = field(default_factory=list)
    masked: str = ""
    rules: list[dict[str, Any]] = field(default_factory=list)

    def add(self, action: str) -> None:
        """Take up an action: the strongest holds."""
        action = _ALIASES.get(action, action)
        if action in ACTIONS and (self.action == "keep" or ACTIONS.index(action) < ACTIONS.index(self.action)):
            self.action = action
