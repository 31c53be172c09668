"""What a rule finds in a definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.definition.positions import Key


@dataclass(frozen=True)
class Finding:
    """What is wrong at a path, and what to do. A warning is told by `check`; anything else is an error."""

    path: Key
    what: str
    hint: str
    warning: bool = False
