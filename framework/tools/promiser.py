"""What a tool may have a bot promise. The model never sees any of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable  # pydantic reads it when it makes a tool's schema from its arguments
class Promiser(Protocol):
    """Makes promises to the person of one turn, in its place. Every method returns what to tell the person, in their
    language, and raises ToolError.
    """

    async def promise(self, key: str, what: str, *, at: str = "", event: str = "", asks: bool = False) -> str:
        """Promise to remind, or with `asks` to ask again, at a time (ISO 8601, in the person's zone), or to tell of an
        event. The same `key` promises once.
        """

    async def promised(self) -> str:
        """Say what was promised to this person here."""

    async def take_back(self) -> str:
        """Take back what was promised to this person here."""
