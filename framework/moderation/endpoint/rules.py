"""The guards of the endpoint: read from the bots' folders, and read again when the files change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from framework.errors import FrameworkError
from framework.moderation.files import ModerationFile, read_moderation
from framework.moderation.guard import Guard
from framework.moderation.guards import Guards


@dataclass(frozen=True)
class GuardedBot:
    """A bot with a moderation.yaml: its folder, and the patterns of channels that it works in."""

    name: str
    folder: Path
    channels: tuple[str, ...] = ()


@dataclass
class GuardBook:
    """The guards of all bots as their files were last read. `lists` are the words of Stream's blocklists by name."""

    bots: Sequence[GuardedBot]
    now: Callable[[], datetime]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, ModerationFile] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)

    def read(self, lists: Mapping[str, Sequence[str]] | None = None) -> None:
        """Read all files. Raises FrameworkError for what is wrong, with file and line; the guards stay as before."""
        files = {bot.name: file for bot in self.bots if (file := read_moderation(bot.folder)) is not None}
        words = self.lists if lists is None else lists
        made = [self._guard(bot, files[bot.name], words) for bot in self.bots if bot.name in files]
        self.guards, self.files, self.lists = Guards.of(made), files, words

    def named_lists(self) -> tuple[str, ...]:
        """The names of Stream's blocklists that some rule uses."""
        return tuple(dict.fromkeys(name for file in self.files.values() for name in file.lists))

    def _guard(self, bot: GuardedBot, file: ModerationFile, words: Mapping[str, Sequence[str]]) -> Guard:
        made = file.guard(bot.name, now=self.now, channels=bot.channels, lists=words)
        if before := next((one for one in self.guards.guards if one.bot == bot.name), None):
            made.history.take_over(before.history)  # a flood goes on while the file is edited
        if not made.channels:
            raise FrameworkError(
                f"{bot.name} guards no channel: neither moderation.yaml nor bot.yaml names any",
                where=str(file.path),
                hint='Write `channels: ["messaging:*"]` into it.',
            )
        return made
