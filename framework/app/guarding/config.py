"""What the endpoint's process is told at its start, as one line of JSON on its standard input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from framework.moderation.endpoint.rules import GuardedBot
from framework.settings import Settings

READY, RECORDED, RELOADED = "ready", "recorded", "reloaded"
"""Words that the process says, one a line, on its standard output."""
RELOAD, PENDING, COUNTED = "reload", "pending", "counted"


@dataclass(frozen=True)
class WorkerConfig:
    """`deadline` is in seconds. `lists` are the words of Stream's blocklists. `passing` are ids of the app's own bots.
    `socket` is the number of the file that listens, `forward` where other requests go to; empty: nowhere.
    """

    settings: Settings = field(repr=False)
    bots: Sequence[GuardedBot]
    deadline: float
    socket: int
    forward: str = ""
    passing: Sequence[str] = ()
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def line(self) -> bytes:
        """Return it with its secrets. They stand in no argument, no environment and no file."""
        values = {name: _plain(value) for name, value in dict(self.settings).items() if value is not None}
        bots = [{**asdict(bot), "folder": str(bot.folder.resolve())} for bot in self.bots]
        others = {"deadline": self.deadline, "socket": self.socket, "forward": self.forward}
        more = {"passing": list(self.passing), "lists": {name: list(words) for name, words in self.lists.items()}}
        return json.dumps({"settings": values, "bots": bots, **others, **more}).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> WorkerConfig:
        """Read what `line` returned."""
        raw: dict[str, Any] = json.loads(line)
        settings = Settings(_env_file=None, **raw.pop("settings"))
        bots = [GuardedBot(bot["name"], Path(bot["folder"]), tuple(bot["channels"])) for bot in raw.pop("bots")]
        return cls(settings=settings, bots=bots, **raw)


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value
