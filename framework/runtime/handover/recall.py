"""What the bot's own messages say of a handover, where its database does not know: it was restored from a backup, or a
release kept the state elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from framework.runtime.handover.told import public_reason
from framework.runtime.state.handover import Act, Change, Handover, altering, opening
from framework.runtime.state.ids import MessageIds
from framework.runtime.state.own import OwnMessage, own
from framework.stream.model import Message

HANDED_OFF = "handed_off"
"""The outcome of the reply by which a bot tells a customer that it hands over."""
RESUMED = "resumed"
"""The outcome of the message by which it says that it is back."""


def recalled(
    messages: Sequence[Message], known: Handover | None, *, ids: MessageIds, now: datetime, after: timedelta
) -> Change | None:
    """Return what to change about a channel's state, judged by its newest messages, oldest first; None for nothing.

    Only what the bot wrote itself counts: nobody else can write in its name. A channel's fields are not looked at. A
    handover is opened again from the bot's word to the customer, unless it has said since that it is back, or `after`
    is over; and one that the bot said the end of is closed.
    """
    ours = [one for message in messages if (one := own(message, ids.bot_user_id)) is not None and not one.is_deleted]
    back = next((one for one in reversed(ours) if one.outcome == RESUMED), None)
    if known is not None and known.is_open:
        ended = back.message.created_at if back is not None else None
        return _ending(known, ended) if ended is not None and ended > known.since else None
    word = next((one for one in reversed(ours) if one.outcome == HANDED_OFF and one.reply_to), None)
    if word is None or (back is not None and back.message.created_at >= word.message.created_at):
        return None
    found = _of(word, messages, ids)
    over = known is not None and (known.knows(found.turn) or (known.until is not None and known.until >= found.since))
    return None if over or now > found.since + after else opening(found)


def _ending(known: Handover, at: datetime) -> Change:
    act = Act("", "recalled")
    return altering(known.turn, lambda state: replace(state, state="closed", until=at, ended=act))


def _of(word: OwnMessage, messages: Sequence[Message], ids: MessageIds) -> Handover:
    """The handover that this reply told of."""
    asked = next((message for message in messages if message.id == word.reply_to), word.message)
    return Handover(
        state="open",
        since=asked.created_at,
        turn=ids.of(word.reply_to, made_up=word.made_up).job,
        trigger=word.reply_to,
        made_up=word.made_up,
        reason=public_reason("tool", "en"),
    )
