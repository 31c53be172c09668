"""Notices that a moderation.yaml or a list of words was edited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from framework.aio import cancel
from framework.moderation.endpoint.rules import GuardedBot

_log = structlog.get_logger(__name__)
_QUIET, _GATHER = 300, 1_600  # milliseconds, as for the bots' own files
_SUFFIXES = frozenset({".yaml", ".yml", ".json", ".txt"})


class RuleFiles:
    """The folders of guarded bots. `reload` is FRAMEWORK_RELOAD: `auto` watches, `signal` waits to be asked."""

    def __init__(self, bots: Sequence[GuardedBot], reload: str) -> None:
        self._folders = [bot.folder.resolve() for bot in bots]
        self._watches = reload == "auto"
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have the rules read again."""
        self._asked.set()

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Call `changed` after each edit, until cancelled."""
        watching = asyncio.create_task(self._notice()) if self._watches else None
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                await changed()
        finally:
            if watching is not None:
                await cancel(watching)

    async def _notice(self) -> None:
        from watchfiles import awatch
        from watchfiles._rust_notify import WatchfilesRustInternalError

        try:
            async for changes in awatch(*self._folders, debounce=_GATHER, step=_QUIET, recursive=True):
                if any(self._concerns(Path(path)) for _, path in changes):
                    self._asked.set()
        except (OSError, WatchfilesRustInternalError) as error:
            _log.warning("moderation.not_watched", error=str(error), hint="Rules are read again on SIGHUP alone.")

    def _concerns(self, file: Path) -> bool:
        """Whether a list of words or the rules may stand there: not in articles, which a bot may have thousands of."""
        return file.suffix in _SUFFIXES and file.name != "bot.yaml" and "knowledge" not in file.parts
