"""What is set at the chat service now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from framework.errors import ChatServiceError

Execute = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Executes an operation with arguments and returns the service's answer. Raises FrameworkError."""

_MISSING = frozenset({404})


@dataclass(frozen=True)
class CurrentSettings:
    """The app's settings, its channel types by name, and those of the wanted blocklists that exist, by name."""

    app: Mapping[str, Any]
    types: Mapping[str, Mapping[str, Any]]
    lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    async def read(cls, execute: Execute, lists: Iterable[str]) -> CurrentSettings:
        """Ask the service. Raises FrameworkError if it cannot be asked."""
        app = (await execute("GetApp", {})).get("app") or {}
        types = (await execute("ListChannelTypes", {})).get("channel_types") or {}
        found: dict[str, Mapping[str, Any]] = {}
        for name in lists:
            try:
                found[name] = (await execute("GetBlockList", {"name": name})).get("blocklist") or {}
            except ChatServiceError as error:
                if error.status not in _MISSING and error.code != 16:
                    raise
        return cls(app, types, found)
