"""The events that hooks may ask for."""

from __future__ import annotations

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.app import questions
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("hook_events")
EVENTS = {
    "campaign.completed": "A campaign was sent",
    "campaign.started": "A campaign is being sent",
    "channel.created": "A channel was made",
    "channel.deleted": "A channel was deleted",
    "channel.hidden": "A member hid a channel",
    "channel.truncated": "A channel's history was cleared",
    "channel.updated": "A channel was changed",
    "channel.visible": "A hidden channel is shown again",
    "member.added": "A user became a member",
    "member.removed": "A membership ended",
    "member.updated": "A membership was changed",
    "message.deleted": "A message was deleted",
    "message.new": "A message was sent",
    "message.read": "A user read a channel",
    "message.undeleted": "A deleted message was brought back",
    "message.updated": "A message was changed",
    "reaction.deleted": "A reaction was taken back",
    "reaction.new": "A user reacted to a message",
    "reaction.updated": "A reaction was changed",
    "user.banned": "A user was banned",
    "user.deactivated": "A user was deactivated",
    "user.deleted": "A user was deleted",
    "user.presence.changed": "A user went online or offline",
    "user.reactivated": "A user was reactivated",
    "user.unbanned": "A ban was lifted",
    "user.updated": "A user was changed",
}
"""What the sandbox tells hooks of, by name."""
PRODUCTS = ["chat"]


@DOMAIN.operation("GetHookEvents", "GET", "/hook/events", v2=None, access=Access.SERVER)
def get_hook_events(call: Call) -> Result:
    """The events, of the products that are named."""
    wanted = call.texts("product", call.query)
    if wanted and not set(wanted) & {*PRODUCTS, "all"}:
        return {"events": []}
    return {"events": [{"name": name, "description": text, "products": PRODUCTS} for name, text in EVENTS.items()]}


FEATURE = Feature(operations=(DOMAIN,), ask=questions.ask)
