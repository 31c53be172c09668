"""The console's parts, put together from a process that serves bots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from framework.app.reloads import Reloads
    from framework.console.parts import ConsoleParts
    from framework.engine.port import Engine
    from framework.settings import Settings


def make_console(settings: Settings, engine: Engine, reloads: Reloads) -> ConsoleParts:
    """Return the parts. Opens nothing before its first use."""
    from framework.console.parts import ConsoleParts
    from framework.storage import Storage

    async def report(since: datetime, until: datetime) -> str:
        from framework.app.report.collect import collect
        from framework.app.report.page import page

        return page(await collect(settings, reloads.bots, since, until))

    return ConsoleParts(lambda: reloads.running, engine, Storage(settings.database.get_secret_value()), report)
