"""What people write back to a campaign: STOP is honoured at once, and answers are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from framework.runtime.core.bot import RunningBot
from framework.runtime.core.channel_view import ChannelView
from framework.runtime.core.outcome import HandedOff, Outcome, Say
from framework.runtime.core.turn import Turn
from framework.runtime.state.own import campaign_language, campaign_of

if TYPE_CHECKING:
    from framework.campaigns.campaigns import BotCampaigns

_log = structlog.get_logger(__name__)
_TWO = 2
_LONGEST = 60
"""Characters of a message that may be a STOP."""
_MOST_NOTED = 50_000


class CampaignReplies:
    """A rule that comes before all that could keep the bot silent: who says STOP is heard in every state."""

    def __init__(self, bot: RunningBot) -> None:
        self._bot = bot
        self._noted: set[tuple[str, str, int]] = set()

    async def __call__(self, turn: Turn, view: ChannelView) -> Say | None:
        """Keep a STOP and say so; note that somebody answered a campaign. Raises EngineError if it cannot be kept."""
        campaigns = self._bot.campaigns
        if campaigns is None or turn.cause.made_up or not campaigns.has_any:
            return None
        from framework.campaigns.opt_out import is_stop

        user, said = turn.trigger.user.id, turn.trigger.text
        if len(said) <= _LONGEST and is_stop(said, campaigns.stop_words()) and (await view.info()).member_count <= _TWO:
            new = await campaigns.ledger.opt_out(user, turn.trigger.id, turn.trigger.created_at)
            _log.info("campaign.opted_out", user=user, new=new)
            spoken = [one for message in await view.history() if (one := campaign_language(message, turn.bot_user_id))]
            language = spoken[-1] if spoken else turn.definition.identity.language
            return Say(campaigns.stop_answer(language), outcome="answered")
        await self._note(campaigns, turn, view, "answered")
        return None

    async def close(self, turn: Turn, view: ChannelView, outcome: Outcome) -> None:
        """Note that somebody who answered a campaign was handed over."""
        if self._bot.campaigns is not None and isinstance(outcome, HandedOff):
            await self._note(self._bot.campaigns, turn, view, "handed_over")

    async def _note(self, campaigns: BotCampaigns, turn: Turn, view: ChannelView, what: str) -> None:
        found = [one for message in await view.history() if (one := campaign_of(message, turn.bot_user_id))]
        if not found:
            return
        name, number = found[-1]
        key = (f"{what} {turn.trigger.user.id}", name, number)
        if key in self._noted:
            return
        await campaigns.ledger.note(turn.trigger.user.id, name, number, what, turn.trigger.created_at)
        if len(self._noted) > _MOST_NOTED:
            self._noted.clear()
        self._noted.add(key)
