"""What the buttons under a command's answer do."""

from __future__ import annotations

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.messages.view import message_view
from framework.sandbox.chat.permissions.rules import require
from framework.sandbox.chat.users import people
from framework.sandbox.features.commands import moderation as moderation_commands
from framework.sandbox.features.commands import slash
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import forbidden, invalid, not_found
from framework.sandbox.kernel.operations import Domain, Result

DOMAIN = Domain("actions")


@DOMAIN.operation("RunMessageAction", "POST", "/messages/{id}/action")
def run_message_action(call: Call) -> Result:
    """Send, shuffle or cancel the picture that `/giphy` offers."""
    message = call.store[slash.EPHEMERALS].get(call.path["id"])
    if message is None:
        # A message that was sent has no actions left.
        messages.find(call, call.path["id"])
        raise invalid(f"message {call.path['id']} has no actions")
    channel = channels.by_cid(call, message.cid)
    user = people.acting_user(call)
    if user.id != message.user_id:
        raise forbidden(f"user {user.id} may not run the actions of another user's message")
    action = call.mapping("form_data", call.body).get("image_action")
    if action == "cancel":
        call.store[slash.EPHEMERALS].remove(message.id)
        return {}
    if action == "shuffle":
        slash.shuffle(call, message)
        return {"message": message_view(call.sandbox, message, user.id)}
    if action != "send":
        raise invalid("form_data.image_action must be one of [send, shuffle, cancel]")
    if message.id in call.store[MESSAGES]:
        raise invalid(f"a message with ID {message.id} already exists")
    require(call, channel, user, "send-reply" if message.parent_id is not None else "send-message")
    if message.parent_id is not None and message.parent_id not in call.store[MESSAGES]:
        raise not_found(f"Message with id {message.parent_id} not found")
    sent = messages.deliver(call, channel, slash.chosen(call, message), user)
    return {"message": message_view(call.sandbox, sent, user.id)}


FEATURE = Feature(operations=(DOMAIN,), screen=moderation_commands.screen)
