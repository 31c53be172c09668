"""Private notes: what the team writes beside a conversation, for its own eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import MEMBERS, pair
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.dev.bots import BOTS, PresentedBot, is_team
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden
from framework.sandbox.kernel.operations import Domain, Result

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel

DOMAIN = Domain("notes")


@DOMAIN.operation("WriteNote", "POST", "/sandbox/notes", v2=None)
def write_note(call: Call) -> Result:
    """Post `text` into `cid` as the caller, for the eyes of the team alone, and return the `message`.

    Only for the team of a bot in the channel. Neither the customers nor the bot gets the note. A person who joins the
    team later does not see it: who may see a message is kept with it.
    """
    user, channel = people.acting_user(call), channels.by_cid(call, call.required_text("cid"))
    here = call.store[MEMBERS]
    bots = [bot for bot in call.store[BOTS] if is_team(bot, user) and pair(channel.cid, bot.user_id) in here]
    if not bots:
        raise forbidden(f"{user.id} is not of the team of a bot in {channel.cid}")
    require(call, channel, user, "send-message")
    readers = sorted({user.id, *_readers(call, channel, bots)})  # never nobody: that would be everybody
    note = {"text": call.required_text("text"), "note": "team", "restricted_visibility": readers}
    message = messages.compose(call, channel, messages.take_message(call, note), user)
    messages.deliver(call, channel, message, user, keep_hidden=True, skip_push=True)
    return {"message": message_view(call.sandbox, message, user.id)}


def _readers(call: Call, channel: Channel, bots: list[PresentedBot]) -> list[str]:
    """The team of these bots. Whoever began the conversation is its customer, also if they are of the team."""
    active = [one for one in call.store[USERS] if one.deactivated_at is None and not one.banned]
    team = [one.id for one in active if any(is_team(bot, one) for bot in bots)]
    return [one for one in team if one != channel.created_by_id]
