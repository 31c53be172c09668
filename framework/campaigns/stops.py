"""Looks for people who said STOP since the last look, also while no process of the bot ran."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from framework.campaigns.ledger import Ledger
from framework.campaigns.opt_out import is_stop
from framework.campaigns.run import CampaignRun
from framework.stream.campaigns import StreamCampaigns

_TWO = 2
"""Members of a channel in which STOP is said to the bot, and not to other people."""
_OVERLAP = timedelta(minutes=2)
"""Messages may become searchable a little late, and clocks differ."""


class Stops:
    """Searches what people wrote to the bot, and keeps who said STOP."""

    def __init__(self, ledger: Ledger, chat: StreamCampaigns, *, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._chat = chat
        self._now = now

    async def look(self, run: CampaignRun) -> None:
        """Note everybody who said STOP. Raises ChatServiceError if the service cannot be asked."""
        await self.look_for(run.settings.sender, run.settings.words)

    async def look_for(self, sender: str, words: tuple[str, ...]) -> None:
        """As `look`, before there is a run."""
        now = self._now()
        until = await self._ledger.looked_until()
        since = until - _OVERLAP if until is not None else None
        for said in await self._chat.said_since(sender, words, since):
            if said.members <= _TWO and is_stop(said.text, words):
                await self._ledger.opt_out(said.user_id, said.message_id, said.at)
        await self._ledger.look(now)
