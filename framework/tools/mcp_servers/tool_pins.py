"""Pin the tools of MCP servers to their first descriptions.

The model reads a server's descriptions, so a server that changes them later could give it orders. Models do not get a
tool that changed or was added until a person accepts it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from mcp.types import Tool

    from framework.tools.mcp_servers.targets import Target

FILE = "mcp-pins.json"
SHOWN = 12
"""Digits of a hash that people are shown."""

Known = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Compared:
    """The tools that models may get, and the names of those that changed or were added since the server was pinned.

    People compare `digest`, which stands for all tools of the server.
    """

    tools: tuple[Tool, ...]
    changed: tuple[str, ...]
    digest: str


class ToolPins:
    """The hashes of tools in a file of the data folder, by server and tool."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def compare(self, target: Target, listed: Sequence[Tool]) -> Compared:
        """Compare a server's tools with the pinned ones. A new server is pinned as it is.

        Raises FrameworkError for a file that cannot be read or written.
        """
        hashes = {tool.name: _hash(tool) for tool in listed}
        known = self._read()
        pinned = known.get(_key(target))
        if pinned is None:
            self._write(known | {_key(target): hashes})
            pinned = hashes
        changed = tuple(name for name, digest in hashes.items() if pinned.get(name) != digest)
        kept = tuple(tool for tool in listed if tool.name not in changed)
        return Compared(kept, changed, _of_all(hashes))

    def forget(self, target: Target) -> None:
        """Accept the tools that the server lists next. Raises FrameworkError for a file that cannot be written."""
        known = self._read()
        if known.pop(_key(target), None) is not None:
            self._write(known)

    def _read(self) -> Known:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._failure(f"cannot be read: {error}") from None
        if not isinstance(found, dict):
            raise self._failure("is not a JSON object")
        return found

    def _write(self, known: Known) -> None:
        waiting = self.file.with_suffix(f".{os.getpid()}.new")
        try:
            waiting.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            waiting.chmod(0o600)
            waiting.replace(self.file)
        except OSError as error:
            raise self._failure(f"cannot be written: {error.strerror}") from None

    def _failure(self, what: str) -> FrameworkError:
        return FrameworkError(
            f"The pinned tools of MCP servers: the file {what}.",
            where=str(self.file),
            hint="Correct it, or remove it to pin the tools of all servers anew.",
        )


def _key(target: Target) -> str:
    """Return what identifies a server: its address or program."""
    return f"{target.name} {target.url or ' '.join(target.command)}"


def _hash(tool: Tool) -> str:
    hints = tool.annotations.model_dump(mode="json") if tool.annotations else None
    said = [tool.name, tool.title, tool.description, dict(tool.input_schema), hints]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _of_all(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:SHOWN]
