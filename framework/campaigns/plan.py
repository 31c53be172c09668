"""The plan of a run: who gets which text when, and who gets nothing and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from framework.campaigns.amounts import read_rate, read_share
from framework.campaigns.files import CampaignFile
from framework.campaigns.model import PERSON
from framework.campaigns.person import Addressee
from framework.campaigns.text import MissingFieldError, TextError
from framework.campaigns.times import after_quiet, end_of, moment, next_time_of_day
from framework.definition.parts.hours import zone
from framework.errors import DefinitionError

MOST_TEXTS = 200
MOST_IN_PART = 1_000
"""People in one campaign of the service: it takes them a second or two, and who says STOP meanwhile is in the next."""
_EXAMPLES = 3
LATE = timedelta(minutes=5)
"""A tick of a `cron` that was missed is caught up with for this long."""

Screened = Callable[[str], str]
"""What the bot may post, made of a text."""


@dataclass(frozen=True)
class Recipient:
    """One person who gets a message. `due` is in UTC."""

    id: str
    variant: str
    language: str
    zone: str
    due: datetime
    ends: datetime | None
    template: str
    text: str


@dataclass(frozen=True)
class PlannedPart:
    """People who get one text at one time. `zone` is theirs if there are quiet hours, else empty."""

    due: datetime
    ends: datetime | None
    zone: str
    variant: str
    language: str
    template: str
    user_ids: tuple[str, ...]


@dataclass
class CampaignPlan:
    """`left_out` has a reason for each person who gets nothing. `warnings` are for whoever starts the run."""

    recipients: list[Recipient] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    parts: list[PlannedPart] = field(default_factory=list)

    @property
    def reasons(self) -> Mapping[str, int]:
        """Return how many people are left out for each reason, the commonest first."""
        return dict(Counter(self.left_out.values()).most_common())


def make_plan(
    file: CampaignFile,
    people: Iterable[Addressee],
    missing: Iterable[str],
    *,
    start: datetime,
    wall: datetime | None,
    screen: Screened,
    barred: Mapping[str, str],
) -> CampaignPlan:
    """Plan a run. `missing` are ids of the audience that are no users. `wall` is what clocks show at the tick of a
    `cron`. `barred` has a reason for each person who may get nothing, such as who said STOP.

    Raises DefinitionError if there are too many different texts, a field that nobody has, or if it is past its end.
    """
    plan = CampaignPlan(left_out=dict.fromkeys(missing, "is not a user of the app, or is deactivated"))
    planner = _Planner(file, start, wall, screen)
    seen = 0
    for person in people:
        seen += 1
        reason = barred.get(person.id) or planner.reason_against(person)
        variant = planner.variant(person)
        plan.variants[person.id] = variant
        if reason is None:
            made = planner.recipient(person, variant)
            if isinstance(made, Recipient):
                plan.recipients.append(made)
                continue
            reason = made
        plan.left_out[person.id] = reason
    planner.require_known_fields(seen)
    planner.require_time(plan)
    _require_few_texts(file, plan.recipients)
    plan.parts = _parts(file, plan.recipients)
    if planner.odd_zones:
        plan.warnings.append(
            f"{planner.odd_zones} people have a time zone that does not exist; "
            f"they are taken to be in {planner.fallback.key}."
        )
    return plan


class _Planner:
    def __init__(self, file: CampaignFile, start: datetime, wall: datetime | None, screen: Screened) -> None:
        self._file = file
        self._campaign = file.campaign
        self._start = start
        self._wall = wall
        self._screen = screen
        self._screened: dict[str, bool] = {}
        self._moments: dict[str, tuple[datetime, datetime | None]] = {}
        self._languages = {v: {lang: None for one, lang in file.texts if one == v} for v, _ in file.texts}
        self.fallback = zone("UTC" if self._campaign.timezone == PERSON else self._campaign.timezone)
        self.odd_zones = 0
        self._lacking: Counter[str] = Counter()
        self._late = 0

    def reason_against(self, person: Addressee) -> str | None:
        """Return why a person gets nothing, whatever the text."""
        opt_out = self._campaign.opt_out.field
        if person.is_bot or person.id == self._file.sender["id"]:
            return "is a bot"
        if opt_out and person.says(opt_out):
            return f"wants no messages (the field {opt_out})"
        if self._campaign.holdout and _luck(self._file.name, "holdout", person.id) < read_share(self._campaign.holdout):
            return "is held out, to compare with"
        return None

    def variant(self, person: Addressee) -> str:
        """Return the variant that a hash of the person chooses; "" if there are none."""
        variants = self._campaign.variants
        if not variants:
            return ""
        given = {name: read_share(one.share) for name, one in variants.items() if one.share}
        rest = [name for name in variants if name not in given]
        each = (1 - sum(given.values())) / len(rest) if rest else 0.0
        shares = {name: given.get(name, each) for name in variants}
        place = _luck(self._file.name, "variant", person.id) * sum(shares.values())
        for name, share in shares.items():
            place -= share
            if place < 0:
                return name
        return next(reversed(shares))

    def recipient(self, person: Addressee, variant: str) -> Recipient | str:
        """Return what a person gets, or why nothing."""
        spoken = self._languages[variant]
        language = person.language(self._campaign.language_field, spoken, self._file.bot.definition.identity.language)
        try:
            rendered = self._file.texts[(variant, language)].for_person(person, self._file.sender)
        except MissingFieldError as error:
            self._lacking[str(error)] += 1
            return f"has no field {error}, which the text needs"
        except TextError as error:
            return str(error)
        if not self._may_post(rendered.text):
            return "the bot may not post the text that they would get (links, mentions, hidden signs)"
        if person.zone_is_unknown(self._campaign.zone_field):
            self.odd_zones += 1
        place = person.zone(self._campaign.zone_field, self.fallback)
        due, ends = self._when(place)
        if self._wall is not None and self._meant(place) < self._start - LATE:
            return "its time had passed in their zone when the run began"
        if ends is not None and (due >= ends or self._start >= ends):
            self._late += 1
            return "it is past its end before they could get it"
        return Recipient(person.id, variant, language, place.key, due, ends, rendered.template, rendered.text)

    def _may_post(self, text: str) -> bool:
        if text not in self._screened:
            self._screened[text] = self._screen(text) == text
        return self._screened[text]

    def _when(self, place: ZoneInfo) -> tuple[datetime, datetime | None]:
        if place.key not in self._moments:
            meant = self._meant(place)
            ends = end_of(self._campaign.expires, meant, self.fallback)
            due = after_quiet(max(meant, self._start), place, self._campaign.quiet_hours)
            self._moments[place.key] = due, ends
        return self._moments[place.key]

    def _meant(self, place: ZoneInfo) -> datetime:
        """Return when it is due by the file alone, without quiet hours."""
        campaign = self._campaign
        own = place if campaign.timezone == PERSON else self.fallback
        if campaign.time_of_day:
            return next_time_of_day(campaign.time_of_day, place, self._start)
        if self._wall is not None:
            return moment(self._wall, own)
        if campaign.at:
            at = datetime.fromisoformat(campaign.at)
            return at if at.tzinfo else moment(at, own)
        return self._start

    def require_known_fields(self, people: int) -> None:
        """Raise DefinitionError for a field that the text needs and nobody has: it is likely misspelt."""
        for name, count in self._lacking.items():
            if count and count == people:
                raise DefinitionError(
                    f"the text uses receiver.{name}, and nobody of the {people} people has this field",
                    where=self._file.position("text"),
                    hint="Correct the name, give the users the field, or write {{ receiver.NAME or 'you' }}.",
                )

    def require_time(self, plan: CampaignPlan) -> None:
        """Raise DefinitionError if the campaign came to its end before it began."""
        if self._late and not plan.recipients:
            raise DefinitionError(
                f"the campaign is past its end ({self._campaign.expires})",
                where=self._file.position("expires"),
                hint="Move `expires`, or the time that it is due, if it is still to be sent.",
            )


def _luck(*words: str) -> float:
    """Return a number from 0 to 1 that is always the same for the same words."""
    digest = hashlib.sha256("\n".join(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _require_few_texts(file: CampaignFile, recipients: Sequence[Recipient]) -> None:
    texts = {recipient.template for recipient in recipients}
    if len(texts) > MOST_TEXTS:
        shown = "; ".join(repr(text[:60]) for text in sorted(texts)[:_EXAMPLES])
        raise DefinitionError(
            f"the text comes to {len(texts)} different ones, and a run may have {MOST_TEXTS}",
            where=file.position("text"),
            hint="Write values alone, as in {{ receiver.name }}: Stream fills those in, and the text stays one. "
            f"They begin: {shown}.",
        )


def _parts(file: CampaignFile, recipients: Sequence[Recipient]) -> list[PlannedPart]:
    campaign = file.campaign
    size = min(MOST_IN_PART, read_rate(campaign.throttle).count) if campaign.throttle else MOST_IN_PART
    groups: dict[tuple[datetime, datetime | None, str, str, str, str], list[str]] = {}
    for one in recipients:
        place = one.zone if campaign.quiet_hours else ""
        groups.setdefault((one.due, one.ends, place, one.variant, one.language, one.template), []).append(one.id)
    return [
        PlannedPart(*key, tuple(ids[begin : begin + size]))
        for key, ids in sorted(groups.items(), key=lambda item: item[0][0])
        for begin in range(0, len(ids), size)
    ]


def spread(plan: CampaignPlan) -> timedelta:
    """Return the time from the first message to the last one."""
    dues = [one.due for one in plan.recipients]
    return max(dues) - min(dues) if dues else timedelta()
