"""The events that hooks may ask for, and checks of queues and topics. The sandbox never reaches AWS."""

from __future__ import annotations

import re

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
    """Return the events, of the products that are named."""
    wanted = call.texts("product", call.query)
    if wanted and not set(wanted) & {*PRODUCTS, "all"}:
        return {"events": []}
    return {"events": [{"name": name, "description": text, "products": PRODUCTS} for name, text in EVENTS.items()]}


_SQS = re.compile(
    r"https://(?:sqs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?|[a-z0-9-]+\.queue\.amazonaws\.com)/\d{12}/[\w.-]+"
)
_SNS = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[\w.-]+")


@DOMAIN.operation("CheckSqs", "POST", "/check_sqs", family="common", access=Access.SERVER)
def check_sqs(call: Call) -> Result:
    """Return whether messages can be put in a queue: not from here, and not at all with a malformed URL."""
    url = call.text("sqs_url", call.body) or ""
    call.text("sqs_key", call.body)
    call.text("sqs_secret", call.body)
    if not _SQS.fullmatch(url):
        return _failed("invalid SQS url: it must be that of a queue at amazonaws.com")
    return _failed("sending the message failed. The sandbox does not reach AWS")


@DOMAIN.operation("CheckSns", "POST", "/check_sns", family="common", access=Access.SERVER)
def check_sns(call: Call) -> Result:
    """Return whether messages can be published to a topic: not from here, and not at all with a malformed ARN."""
    arn = call.text("sns_topic_arn", call.body) or ""
    call.text("sns_key", call.body)
    call.text("sns_secret", call.body)
    if not _SNS.fullmatch(arn):
        return _failed("invalid SNS topic ARN")
    return _failed("publishing the message failed. The sandbox does not reach AWS")


def _failed(reason: str) -> Result:
    return {"status": "error", "error": reason, "data": {}}


FEATURE = Feature(operations=(DOMAIN,), ask=questions.ask)
