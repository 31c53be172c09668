"""Checks of queues and topics: what can be told without reaching AWS, which the sandbox never does."""

from __future__ import annotations

import re

from framework.sandbox.chat.feature import Feature
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("checks")
_SQS = re.compile(
    r"https://(?:sqs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?|[a-z0-9-]+\.queue\.amazonaws\.com)/\d{12}/[\w.-]+"
)
_SNS = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:[a-z0-9-]+:\d{12}:[\w.-]+")


@DOMAIN.operation("CheckSqs", "POST", "/check_sqs", family="common", access=Access.SERVER)
def check_sqs(call: Call) -> Result:
    """Whether messages can be put in a queue: not from here, and not at all with a malformed URL."""
    url = call.text("sqs_url", call.body) or ""
    call.text("sqs_key", call.body)
    call.text("sqs_secret", call.body)
    if not _SQS.fullmatch(url):
        return _failed("invalid SQS url: it must be that of a queue at amazonaws.com")
    return _failed("sending the message failed. The sandbox does not reach AWS")


@DOMAIN.operation("CheckSns", "POST", "/check_sns", family="common", access=Access.SERVER)
def check_sns(call: Call) -> Result:
    """Whether messages can be published to a topic: not from here, and not at all with a malformed ARN."""
    arn = call.text("sns_topic_arn", call.body) or ""
    call.text("sns_key", call.body)
    call.text("sns_secret", call.body)
    if not _SNS.fullmatch(arn):
        return _failed("invalid SNS topic ARN")
    return _failed("publishing the message failed. The sandbox does not reach AWS")


def _failed(reason: str) -> Result:
    return {"status": "error", "error": reason, "data": {}}


FEATURE = Feature(operations=(DOMAIN,))
