"""Post a message exactly once: a second try finds it, and nobody else can take its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from framework.errors import ChatServiceError, DuplicateMessageError
from framework.runtime.state.own import OwnMessage, own
from framework.stream.model import ChannelRef, Message, OutgoingMessage
from framework.stream.port import ChatService, Check, unchecked

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Posted:
    """A message as it stands in the channel. `is_new`: this call posted it; otherwise an earlier one did."""

    own: OwnMessage
    is_new: bool

    @property
    def message(self) -> Message:
        """The message."""
        return self.own.message


async def post_once(
    service: ChatService,
    channel: ChannelRef,
    chain: Sequence[str],
    message: OutgoingMessage,
    *,
    bot_user_id: str,
    newest: Callable[[], str] | None = None,
    check: Check = unchecked,
) -> Posted:
    """Post a message under the first id of `chain` (see `TurnIds.chain`) that nobody else has; its own id is not used.

    A message of the bot's that has the id already is the one that was to be posted. Anybody else's is logged as
    `reply.squatted`, and so is one that cannot be read in this channel: then the next id is used at once. `newest` and
    `check` as in `ChatService.send`. Raises ChatServiceError if the service refuses, and where all ids are taken.
    """
    for number, id_ in enumerate(chain):
        try:
            sent = await service.send(channel, replace(message, id=id_), newest=newest, check=check)
        except DuplicateMessageError:
            found = (await service.messages(channel, [id_])).get(id_)
            ours = own(found, bot_user_id)
            if ours is not None:
                return Posted(ours, is_new=False)
            _tell(channel, id_, number, found)
        else:
            return Posted(OwnMessage(sent), is_new=True)
    raise ChatServiceError(
        f"Others have messages under all {len(chain)} ids of a message to {channel}.",
        hint="Only somebody with the app's secret can do that: change the secret in the dashboard.",
    )


def _tell(channel: ChannelRef, id_: str, number: int, found: Message | None) -> None:
    _log.error(
        "reply.squatted",
        channel=str(channel),
        message=id_,
        number=number,
        by=found.user.id if found is not None else None,
        hint="Somebody else has a message with an id of the bot's. The bot uses its next id.",
    )
