"""The model of a bot: whether it answers, and how fast."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from framework.app.doctor.finding import HealthFinding, doubtful, ok, wrong
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.settings import Settings

LONGEST = timedelta(seconds=6)
"""How long a model is waited for: the whole look takes ten seconds."""
SLOW = 2.0
"""Seconds for a few tokens, above which people wait."""


async def model_finding(bot: Bot, settings: Settings) -> HealthFinding:
    """Ask the model for a few tokens."""
    from framework.agent.models.check import check_model
    from framework.agent.models.setup import build_model, choose_model, close_model

    try:
        choice = choose_model(bot.definition.model, settings)
        if not choice.is_embedded:  # its packages take seconds to import, which is not the model's time
            await close_model(await asyncio.to_thread(build_model, choice, bot.definition.model, settings))
        started = time.monotonic()
        told = await check_model(bot.definition.model, settings, within=LONGEST)
    except FrameworkError as error:
        where = f"{error.where}: " if error.where else ""
        return wrong("model", f"{where}{error.what}", error.hint or "Look at `model` in bot.yaml.")
    seconds = time.monotonic() - started
    if seconds > SLOW:
        hint = "Choose a faster model, or a server that is nearer."
        return doubtful("model", f"{told}, and is slow: {seconds:.1f} s for a few tokens", hint)
    return ok("model", f"{told} ({seconds:.1f} s)")
