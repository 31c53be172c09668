"""The console's parts, put together from a process that serves bots."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from framework.app.reloads import Reloads
    from framework.console.parts import ConsoleParts
    from framework.engine.port import Engine
    from framework.runtime.core.bot import RunningBot
    from framework.settings import Settings
    from framework.stream.moderation import StreamModeration


def make_console(settings: Settings, engine: Engine, reloads: Reloads) -> ConsoleParts:
    """Return the parts. Opens nothing before its first use."""
    from framework.console.parts import ConsoleParts
    from framework.storage import Storage
    from framework.stream.factory import open_moderation

    def moderation(bot: RunningBot) -> StreamModeration:
        return open_moderation(settings, bot.user_id)

    async def report(since: datetime, until: datetime) -> str:
        from framework.app.report.collect import collect
        from framework.app.report.page import page

        return page(await collect(settings, reloads.bots, since, until))

    storage = Storage(settings.database.get_secret_value())
    return ConsoleParts(
        lambda: reloads.running, engine, storage, report, moderation, timedelta(days=settings.keep_text)
    )
