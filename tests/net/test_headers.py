"""Limits and times as services write them in headers, and as they should not."""

from datetime import UTC, datetime, timedelta

import pytest

from framework.net.headers import LONGEST_LIMIT, UNTOLD_LIMIT, header_number, limit_ends_in, service_time

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def _reset(seconds: float) -> str:
    return str(int((NOW + timedelta(seconds=seconds)).timestamp()))


@pytest.mark.parametrize(
    ("headers", "number"),
    [({}, None), ({"n": "7"}, 7.0), ({"n": "1.5, 9"}, 1.5), ({"n": "soon"}, None), ({"n": ""}, None)],
)
def test_a_header_is_a_number_or_nothing(headers: dict[str, str], number: float | None) -> None:
    assert header_number(headers, "n") == number


@pytest.mark.parametrize("date", ["", "yesterday", "2026-03-01", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_no_time(date: str) -> None:
    assert service_time({"date": date}) is None
    assert service_time({"date": DATE}) == NOW


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "x-ratelimit-reset": _reset(30)}, 7.0),
        ({"x-ratelimit-reset": _reset(30)}, 30.0),
        # The service's clock is a minute ahead of ours.
        ({"x-ratelimit-reset": _reset(90), "date": "Sun, 01 Mar 2026 12:01:00 GMT"}, 30.0),
        ({"x-ratelimit-reset": _reset(-5)}, 0.0),
        ({"retry-after": "86400"}, LONGEST_LIMIT),
        ({"retry-after": "a while"}, UNTOLD_LIMIT),
        ({}, UNTOLD_LIMIT),
    ],
)
def test_the_end_of_a_limit_is_read_on_the_clock_of_the_service(headers: dict[str, str], seconds: float) -> None:
    assert limit_ends_in(headers, NOW) == seconds
