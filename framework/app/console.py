"""The console's parts, put together from a process that serves bots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from framework.console.parts import ConsoleParts
    from framework.engine.port import Engine
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings


def make_console(settings: Settings, engine: Engine, bots: Callable[[], Sequence[RunningBot]]) -> ConsoleParts:
    """Return the parts. Opens nothing before its first use."""
    from framework.console.parts import ConsoleParts
    from framework.storage import Storage

    return ConsoleParts(bots, engine, Storage(settings.database.get_secret_value()))
