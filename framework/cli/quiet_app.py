"""An app of one bot for commands without a chat service."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.app.app import App


def quiet_app(bot: str, *, level: str = "error") -> App:
    """An app with one bot, by name or path. Logs below `level` are left out."""
    from framework.app.app import App
    from framework.app.environment import logging_for
    from framework.settings import load_settings, require_stream_in_production

    settings = load_settings()
    require_stream_in_production(settings)
    logging_for(settings, level=level)
    # Reading articles for the first time takes a while: that is said, whatever else is left out.
    logging.getLogger("framework.agent.knowledge").setLevel(logging.INFO)
    from framework.definition.loader import load_bot

    loaded = load_bot(bot)
    app = App(settings)
    app.add(loaded)
    return app
