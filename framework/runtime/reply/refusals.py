"""Tells the team of an answer that the rules of moderation.yaml refused."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from framework.errors import ChatServiceError
from framework.names import as_code
from framework.outbound import Verdict
from framework.runtime.core.turn import Turn
from framework.runtime.reply.post import post_once
from framework.runtime.state.own import NOTE
from framework.runtime.team.channels import REMEDY, prepare
from framework.stream.model import ChannelRef, OutgoingMessage
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)


class Refusals:
    """Posts a line to the channels that the rules name in `alert`; without any, to the first channel of the team's."""

    def __init__(self, service: ChatService) -> None:
        self._service = service

    async def tell(self, turn: Turn, verdict: Verdict) -> None:
        """Post it, once for a turn. It does not repeat the text. A channel that cannot be told is logged.

        Raises ChatServiceError if another try may help.
        """
        names = ", ".join(map(as_code, verdict.rules))
        what = "was refused" if verdict.refused else "was noticed"
        text = f"An answer of mine in {as_code(str(turn.channel))} {what} by the rules {names} of moderation.yaml."
        message = OutgoingMessage("", text, custom={NOTE: "moderation"})
        for cid in _places(turn, verdict):
            try:
                await self._post(turn, ChannelRef.parse(cid), message)
            except ChatServiceError as error:
                if error.retryable:
                    raise
                _log.error("outgoing.team_not_told", channel=cid, why=error.what, text=text)

    async def _post(self, turn: Turn, place: ChannelRef, message: OutgoingMessage) -> None:
        reason = await prepare(self._service, turn.bot_user_id, turn.definition.team, place)
        if reason is not None:
            _log.error("outgoing.team_not_told", channel=str(place), why=reason, text=message.text, hint=REMEDY)
            return
        chain = turn.ids.chain("alert", name=f"refused in {place}")
        await post_once(self._service, place, chain, message, bot_user_id=turn.bot_user_id, check=turn.fence)


def _places(turn: Turn, verdict: Verdict) -> Iterable[str]:
    definition = turn.definition
    own = (definition.handover.alert, *definition.team.channels, definition.drafts.channel)
    return verdict.alerts or tuple(cid for cid in own if cid)[:1]
