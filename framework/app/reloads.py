"""Bots whose files were edited while they run: read again, built aside, and handed over once they are whole."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from framework.aio import cancel, in_daemon_thread
from framework.app.running import Stores, make_running
from framework.app.serving import warm_agents
from framework.definition.loader import BOT_FILE, files_of
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from framework.agent.build.channel_agents import ChannelAgents
    from framework.app.app_bot import AppBot
    from framework.definition.model import Bot
    from framework.runtime.bots import Renewal
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings

_log = structlog.get_logger(__name__)
_QUIET = 300  # milliseconds without a change, after which a file counts as saved
_GATHER = 1_600  # the longest that is waited for that


@dataclass
class _Running:
    entry: AppBot
    running: RunningBot
    agent: ChannelAgents
    seen: str
    broken: bool = False
    failed: str = ""
    """The digest of the edit that could be read, but not be run."""

    @property
    def bot(self) -> Bot:
        """The bot as it was last read and run."""
        return self.entry.bot


class Reloads:
    """Yields what the bots are after each edit that leaves them whole. A broken edit is told, and the last good version
    goes on. `show` tells a person at the terminal.
    """

    def __init__(
        self,
        bots: Iterable[tuple[AppBot, RunningBot, ChannelAgents]],
        settings: Settings,
        *,
        show: Callable[[FrameworkError], None],
    ) -> None:
        self._bots = [_Running(entry, running, agent, _digest(entry.loaded)) for entry, running, agent in bots]
        self._settings = settings
        self._show = show
        self._asked = asyncio.Event()
        self._forced = False

    @property
    def bots(self) -> list[Bot]:
        """The bots as they were last read and run."""
        return [entry.bot for entry in self._bots]

    @property
    def running(self) -> list[RunningBot]:
        """The bots at work."""
        return [entry.running for entry in self._bots]

    def ask(self) -> None:
        """Read everything again, edited or not."""
        self._forced = True
        self._asked.set()

    async def close(self) -> None:
        """Close what the bots became."""
        for entry in self._bots:
            await entry.running.service.close()
            await entry.agent.aclose()

    async def all(self) -> AsyncIterator[Renewal]:
        """The renewals, until cancelled."""
        watching = asyncio.create_task(self._watch()) if self._settings.reload == "auto" else None
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                forced, self._forced = self._forced, False
                for entry in self._bots:
                    renewal = await self._renewed(entry, forced=forced)
                    if renewal is not None:
                        yield renewal
        finally:
            if watching is not None:
                await cancel(watching)

    async def _watch(self) -> None:
        """Notice edits. What is watched changes with the bots, so it is asked for again after each."""
        from watchfiles import awatch
        from watchfiles._rust_notify import WatchfilesRustInternalError

        while True:
            places = {place for entry in self._bots for place in _places(entry.bot)}
            files = {file.resolve() for entry in self._bots for file in (*files_of(entry.bot), *_own(entry.bot))}
            try:
                async for changes in awatch(*places, debounce=_GATHER, step=_QUIET, recursive=True):
                    if any(_concerns(path, files) for _, path in changes):
                        self._asked.set()
                        break
            except (OSError, WatchfilesRustInternalError) as error:
                _log.warning("bots.not_watched", error=str(error), hint="Edits are read on SIGHUP alone.")
                return

    async def _renewed(self, entry: _Running, *, forced: bool) -> Renewal | None:
        """The bot as its files are now; None where they are as before, or broken."""
        name, seen = entry.bot.name, ""
        try:
            fresh = await in_daemon_thread(entry.entry.reloaded)
            seen = await asyncio.to_thread(_digest, fresh.loaded)
            if not forced and seen in {entry.seen, entry.failed}:
                # A person who was told of a mistake wants to hear that it is gone.
                if entry.broken and seen == entry.seen:
                    entry.broken = False
                    _log.info("bot.mended", bot=name, goes_on="as before")
                return None
            (agent,) = await warm_agents([fresh], self._settings)
        except FrameworkError as error:
            entry.broken, entry.failed = True, seen
            where = str(error.where) if error.where else None
            _log.error("bot.broken", bot=name, error=error.what, where=where, hint=error.hint, goes_on="as before")
            self._show(error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever an edit does, the bot that runs goes on
            entry.broken, entry.failed = True, seen
            _log.error("bot.broken", bot=name, exc_info=error, goes_on="as before")
            return None
        entry.seen, entry.broken, entry.failed = seen, False, ""
        return self._handed_over(entry, fresh, agent)

    def _handed_over(self, entry: _Running, fresh: AppBot, agent: ChannelAgents) -> Renewal:
        from framework.runtime.bots import Renewal
        from framework.stream.factory import open_chat_service

        bot, before, service = fresh.bot, entry.agent, entry.running.service
        keeps_service = bot.definition.identity == entry.bot.definition.identity
        if not keeps_service:
            service = open_chat_service(self._settings, bot.definition.identity)
        agent.connect(self._settings)
        stores = Stores.kept(entry.running, bot, self._settings)
        newer = make_running(bot, self._settings, service, agent, stores=stores, additions=fresh.additions)
        old_service = entry.running.service

        async def on_retired() -> None:
            if not keeps_service:
                await old_service.close()
            await before.aclose()

        entry.entry, entry.agent = fresh, agent
        if not keeps_service:
            entry.running = newer
        return Renewal(newer, on_retired)


def _places(bot: Bot) -> set[Path]:
    """The folders to watch: the bot's own, and those that its other files are in."""
    folder = bot.folder.resolve()
    others = {(file if file.is_dir() else file.parent).resolve() for file in files_of(bot)}
    return {folder, *(place for place in others if place.is_dir() and not place.is_relative_to(folder))}


def _own(bot: Bot) -> tuple[Path, ...]:
    """Files that need not be there."""
    return (bot.folder / BOT_FILE, bot.folder / "tools.py", bot.folder / "knowledge", bot.folder / "prompts")


def _concerns(path: str, files: set[Path]) -> bool:
    from pathlib import Path

    changed = Path(path).resolve()
    return changed in files or any(parent in files for parent in changed.parents)


def _digest(bot: Bot) -> str:
    """What a bot's files say, all in all."""
    digest = hashlib.sha256()
    for file in sorted({file for file in files_of(bot) if file.is_file()}):
        digest.update(str(file).encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
