"""What has to hold in a campaign besides the types of its values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from framework.campaigns.amounts import read_end, read_share
from framework.campaigns.model import PERSON, CampaignDefinition
from framework.campaigns.text import GIVEN
from framework.definition.model import Bot
from framework.definition.parts.hours import read_spans
from framework.definition.reading.problems import RuleFinding

_DAY = 24 * 60
_WHOLE = 1.0001


def findings(bot: Bot, campaign: CampaignDefinition) -> Iterator[RuleFinding]:
    """Yield all that is wrong."""
    yield from _sender(bot, campaign)
    yield from _audience(campaign)
    yield from _texts(campaign)
    yield from _times(campaign)


def _sender(bot: Bot, campaign: CampaignDefinition) -> Iterator[RuleFinding]:
    identity = bot.definition.identity
    if "user_id" not in identity.model_fields_set:
        yield RuleFinding(
            ("sender",),
            "the campaign has no sender: the bot has no user of its own",
            f"Name one in {bot.folder / 'bot.yaml'}, as in `identity: {{user_id: news-bot}}`.",
        )
    elif campaign.sender and campaign.sender != identity.user_id:
        yield RuleFinding(
            ("sender",),
            f"sender: {campaign.sender!r} is not the bot, so replies would reach nobody",
            f"Remove `sender:`, or write {identity.user_id!r}, which bot.yaml names.",
        )


def _audience(campaign: CampaignDefinition) -> Iterator[RuleFinding]:
    audience = campaign.audience
    if not (audience.segment or audience.filter or audience.users or audience.file):
        yield RuleFinding(
            ("audience",),
            "the campaign goes to nobody",
            "Say whom it reaches, as in `audience: {filter: {role: user}}` or `audience: {users: [ann]}`.",
        )
    for number, user in enumerate(audience.users):
        if not user.strip():
            yield RuleFinding(("audience", "users", number), "an id of a user is empty", "Remove it, or write the id.")


def _texts(campaign: CampaignDefinition) -> Iterator[RuleFinding]:
    for variant in campaign.variants or ("",):
        if not campaign.texts_of(variant):
            place = ("variants", variant) if variant else ("text",)
            what = f"the variant {variant!r} has no text" if variant else "the campaign has no text"
            yield RuleFinding(place, what, "Write one, as in `text: Hello, {{ receiver.name }}!`.")
    for name in sorted(GIVEN & set(campaign.variables)):
        yield RuleFinding(("variables", name), f"variables.{name}: the name is taken", "Choose another name.")
    shares = sum(read_share(one.share) for one in campaign.variants.values() if one.share)
    if shares > _WHOLE:
        yield RuleFinding(("variants",), "the shares of the variants come to more than 100%", "Lower one of them.")
    if campaign.holdout and read_share(campaign.holdout) >= 1:
        yield RuleFinding(("holdout",), "holdout: everybody would get nothing", "Write less than 100%.")


def _times(campaign: CampaignDefinition) -> Iterator[RuleFinding]:
    if campaign.timezone == PERSON and not (campaign.at or campaign.cron):
        yield RuleFinding(
            ("timezone",),
            "timezone: `person` needs a time, as `at` or `cron`",
            "Write `time_of_day: 9:00` for the next time that it is nine in each person's zone.",
        )
    if campaign.at and campaign.expires and (end := read_end(campaign.expires)) and not isinstance(end, timedelta):
        at = datetime.fromisoformat(campaign.at)
        if end.replace(tzinfo=None) <= at.replace(tzinfo=None):
            yield RuleFinding(
                ("expires",),
                f"expires: {campaign.expires} is not after `at` ({campaign.at}), so nothing is ever sent",
                "Write a later time, or how long after `at`, as in `12h`.",
            )
    if campaign.quiet_hours and _covers_the_day(campaign.quiet_hours):
        yield RuleFinding(
            ("quiet_hours",), "quiet_hours: they are the whole day, so nothing is ever sent", "Leave some hours open."
        )


def _covers_the_day(text: str) -> bool:
    quiet = {minute % _DAY for start, end in read_spans(text) for minute in range(start - 1, end)}
    return len(quiet) >= _DAY
