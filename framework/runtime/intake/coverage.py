"""Which channels are a bot's: what its definition says of them, and where it was sent away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from framework.errors import ChatServiceError
from framework.runtime.core.bot import RunningBot
from framework.runtime.team.words import review_channels
from framework.stream.model import ChannelRef, ChannelState

_log = structlog.get_logger(__name__)


class Coverage:
    """Asks the service only where the definition says more of channels than their names. Calls raise ChatServiceError.

    Where somebody removed the bot, it stays away until somebody adds it again. A custom field of the channel keeps
    that, so that a later process does not join it by itself either.
    """

    def __init__(self, bot: RunningBot) -> None:
        self._bot = bot
        self._sent_away: set[ChannelRef] = set()

    def covers(self, channel: ChannelRef) -> bool:
        """Whether the bot may work here, as far as the name tells."""
        return channel not in self._sent_away and (self._named(channel) or self._joins(channel))

    def depends(self, channel: ChannelRef) -> bool:
        """Whether more than the name decides: membership, or the channel's fields."""
        rules = self._bot.definition.channels
        return not self._named(channel) and (bool(rules.where) or not rules.automatic)

    @property
    def is_restricted(self) -> bool:
        """Whether the definition says more of channels than their names."""
        rules = self._bot.definition.channels
        return bool(rules.where) or not rules.automatic

    async def find(self, since: datetime | None) -> list[ChannelRef]:
        """Return the bot's channels, with or without the bot as a member; only those created after a time, if given."""
        rules = self._bot.definition.channels
        found: list[ChannelRef] = []
        for type_ in rules.types:
            found += await self._bot.service.find_channels(
                type_, created_after=since, where=rules.where, joined=not rules.automatic, without=self._mark
            )
        return [channel for channel in found if self.covers(channel)]

    async def fitting(self, channels: Sequence[ChannelRef]) -> list[ChannelRef]:
        """Those of these channels that are the bot's."""
        covered = [channel for channel in channels if self.covers(channel)]
        asked = [channel for channel in covered if self.depends(channel)]
        if not asked:
            return covered
        rules = self._bot.definition.channels
        fit = set(await self._bot.service.fitting(asked, where=rules.where, joined=not rules.automatic))
        return [channel for channel in covered if channel in fit or channel not in asked]

    def send_away(self, channel: ChannelRef) -> None:
        """Somebody removed the bot."""
        self._sent_away.add(channel)

    def call_back(self, channel: ChannelRef) -> None:
        """Somebody added it, or the channel is gone and may come again."""
        self._sent_away.discard(channel)

    async def remember(self, channel: ChannelRef) -> None:
        """Keep in the channel that the bot was removed, unless it was added again meanwhile."""
        if channel in self._sent_away:
            await self._note(channel, to_set={self._mark: True})

    async def forgive(self, states: Sequence[ChannelState]) -> None:
        """Take the mark away from channels that it is in again."""
        for state in states:
            if state.joined_at is not None and state.custom.get(self._mark) and state.channel not in self._sent_away:
                await self._note(state.channel, unset=[self._mark])

    async def _note(
        self, channel: ChannelRef, *, to_set: Mapping[str, Any] | None = None, unset: Sequence[str] = ()
    ) -> None:
        """A channel that is gone, or takes no fields of ours, is no reason to stop."""
        try:
            await self._bot.service.update_channel(channel, to_set=to_set, unset=unset)
        except ChatServiceError as error:
            if error.retryable:
                raise
            _log.warning("channel.not_noted", bot=self._bot.name, channel=str(channel), error=error.what)

    @property
    def _mark(self) -> str:
        return f"without_{self._bot.user_id}"

    def _named(self, channel: ChannelRef) -> bool:
        """Whether the definition names this very channel."""
        return str(channel) in self._bot.definition.channels.create or channel in review_channels(self._bot.definition)

    def _joins(self, channel: ChannelRef) -> bool:
        return self._bot.definition.channels.covers(str(channel))
