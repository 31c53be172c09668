"""Office hours and schedules, over midnight, over the weekend and when clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from framework.definition.expressions.cron import read_cron
from framework.definition.parts.hours import OfficeHours

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def hours(*closed: str, **days: str) -> OfficeHours:
    named = {key.replace("_", "-"): value for key, value in days.items()}
    return OfficeHours(timezone="Europe/Berlin", days=named, closed=closed)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:59", False),  # a Monday
        ("2026-11-23T09:00", True),
        ("2026-11-23T12:30", False),
        ("2026-11-23T14:00", True),
        ("2026-11-23T17:00", False),
        ("2026-11-27T14:00", False),  # on Friday, its own times win over the range
        ("2026-11-28T10:00", False),
        ("2026-12-24T10:00", False),
    ],
)
def test_several_spans_a_day_and_days_that_differ(moment: str, is_open: bool) -> None:
    office = hours("2026-12-24", mon_fri="9:00-12:30, 14:00-17:00", fri="9-12")
    assert office.is_open(at(moment)) is is_open


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = hours(fri="22:00-6:00")
    assert night.is_open(at("2026-11-27T23:00"))
    assert night.is_open(at("2026-11-28T05:59"))
    assert not night.is_open(at("2026-11-28T06:00"))
    assert not night.is_open(at("2026-11-27T05:00"))


def test_the_time_zone_of_the_hours_counts_and_not_that_of_the_clock() -> None:
    assert hours(mon="9-17").is_open(datetime(2026, 11, 23, 8, 30, tzinfo=ZoneInfo("UTC")))
    assert not hours(mon="9-17").is_open(datetime(2026, 11, 23, 16, 30, tzinfo=ZoneInfo("UTC")))


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-23T10:00", "2026-11-23T10:00"),  # it is open
        ("2026-11-23T13:00", "2026-11-23T14:00"),
        ("2026-11-27T18:00", "2026-11-30T09:00"),  # over the weekend
        ("2026-12-23T18:00", "2026-12-25T09:00"),  # over a holiday
    ],
)
def test_the_next_opening(now: str, opening: str) -> None:
    office = hours("2026-12-24", mon_fri="9:00-12:30, 14:00-17:00")
    assert office.next_opening(at(now)) == at(opening)


def test_hours_that_never_come_have_no_opening() -> None:
    assert hours(mon="closed").next_opening(at("2026-11-23T10:00")) is None


def test_an_opening_that_the_clocks_skip_comes_an_hour_later_by_the_wall() -> None:
    office = hours(sun="2:30-8:00")  # on 29 March 2026 clocks go from 2:00 to 3:00
    opening = office.next_opening(at("2026-03-28T20:00"))
    assert opening is not None
    assert opening.hour == 3
    assert opening.astimezone(ZoneInfo("UTC")) - at("2026-03-28T20:00") == timedelta(hours=6, minutes=30)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 9 * * 1-5", "mon,tue,wed,thu,fri"),
        ("0 9 * * 0", "sun"),
        ("0 9 * * 7", "sun"),
        ("0 9 * * fri-mon", "mon,fri,sat,sun"),
        ("*/20 9-17/4 1,15 jan *", "*"),
    ],
)
def test_days_of_the_week_are_named_as_schedulers_count_them_differently(text: str, days: str) -> None:
    assert read_cron(text).split()[4] == days


def test_steps_and_names_are_spelt_out() -> None:
    assert read_cron("*/20 9-17/4 1,15 jan *") == "0,20,40 9,13,17 1,15 1 *"


def test_a_field_with_all_its_values_is_a_star() -> None:
    assert read_cron("0-59 */1 1-31 jan-dec sun-sat") == "* * * * *"


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a valid|five"):
        read_cron(text)
