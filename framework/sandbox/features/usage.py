"""Count what each team uses, from the stored records."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from framework.sandbox.chat.channels.record import CHANNELS
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Access, Domain, Result

DOMAIN = Domain("usage")
MAX_TEAMS = 30
MAX_DAYS = 366
_NOT_KEPT = ("image_moderations_daily", "translations_daily", "concurrent_users", "concurrent_connections")
"""Metrics of things that the sandbox does not do, or of moments that it does not record: their count is 0."""
Days = list[date]


@DOMAIN.operation("QueryTeamUsageStats", "POST", "/stats/team_usage", access=Access.SERVER)
def query_team_usage_stats(call: Call) -> Result:
    """Messages and users by team, for a month or, with daily figures, for a range of days."""
    days, daily = _days(call)
    limit = call.number("limit", MAX_TEAMS, low=1, high=MAX_TEAMS, source=call.body)
    after, only = _cursor(call), call.text("team", call.body)
    activity = _activity(call)
    names = sorted(name for name in activity if name > after and only in (None, "", name))
    measured = [(name, _metrics(activity[name], days, daily=daily)) for name in names]
    used = [(name, one) for name, one in measured if one["messages_total"]["total"] or one["users_total"]["total"]]
    result: dict[str, Any] = {"teams": [{"team": name, **metrics} for name, metrics in used[:limit]]}
    if len(used) > limit:
        result["next"] = base64.urlsafe_b64encode(used[limit - 1][0].encode()).decode()
    return result


Messages = list[tuple[datetime, str]]
"""When each message of a team was sent, and by whom."""
Activity = dict[str, tuple[Messages, list[datetime]]]


def _activity(call: Call) -> Activity:
    """Return the messages in each team's channels, and when each of its users came. Without a team is the team ""."""
    teams: Activity = {}
    cids = {channel.cid: channel.team or "" for channel in call.store[CHANNELS]}
    for message in call.store[MESSAGES]:
        teams.setdefault(cids.get(message.cid, ""), ([], []))[0].append((message.created_at, message.user_id))
    for user in call.store[USERS]:
        for team in user.teams or [""]:
            teams.setdefault(team, ([], []))[1].append(user.last_active or user.created_at)
    return teams


def _metrics(activity: tuple[Messages, list[datetime]], days: Days, *, daily: bool) -> dict[str, dict[str, Any]]:
    messages, users = activity
    sent = [at for at, _ in messages]
    figures: dict[str, dict[str, Any]] = {
        name: _figure(days, lambda _day: 0, daily=daily, total=0) for name in _NOT_KEPT
    }
    windows: dict[str, Callable[[date], date]] = {
        "last_24_hours": lambda day: day,
        "last_30_days": lambda day: day - timedelta(days=29),
        "month_to_date": lambda day: day.replace(day=1),
    }
    figures["messages_daily"] = _counted(sent, days, lambda day: day, daily=daily, whole=True)
    figures["users_daily"] = _counted(users, days, lambda day: day, daily=daily, whole=True)
    for name, since in windows.items():
        figures[f"messages_{name}"] = _counted(sent, days, since, daily=daily)
        figures[f"users_{name}"] = _counted(users, days, since, daily=daily)
        if name != "last_24_hours":
            figures[f"users_engaged_{name}"] = _engaged(messages, days, since, daily=daily)
    first = date.min
    figures["messages_total"] = _counted(sent, days, lambda _day: first, daily=daily)
    figures["users_total"] = _counted(users, days, lambda _day: first, daily=daily)
    return figures


def _counted(
    moments: Iterable[datetime], days: Days, since: Callable[[date], date], *, daily: bool, whole: bool = False
) -> dict[str, Any]:
    """How many moments fall between `since(day)` and a day; the total is the last day's, or `whole` over all days."""
    dates = [moment.date() for moment in moments]

    def count(day: date) -> int:
        return sum(1 for one in dates if since(day) <= one <= day)

    return _figure(days, count, daily=daily, total=sum(map(count, days)) if whole else count(days[-1]))


def _engaged(messages: Messages, days: Days, since: Callable[[date], date], *, daily: bool) -> dict[str, Any]:
    def count(day: date) -> int:
        return len({user_id for at, user_id in messages if since(day) <= at.date() <= day})

    return _figure(days, count, daily=daily, total=count(days[-1]))


def _figure(days: Days, count: Callable[[date], int], *, daily: bool, total: int) -> dict[str, Any]:
    figure: dict[str, Any] = {"total": total}
    if daily:
        figure["daily"] = [{"date": day.isoformat(), "value": count(day)} for day in days]
    return figure


def _days(call: Call) -> tuple[Days, bool]:
    """The days that are asked for, and whether one by one. Raises ApiError 400."""
    month, start, end = (call.text(name, call.body) for name in ("month", "start_date", "end_date"))
    if month and (start or end):
        raise invalid("month cannot be combined with start_date and end_date")
    if bool(start) != bool(end):
        raise invalid("start_date and end_date must be given together")
    if start and end:
        first, last = _date(start, "start_date"), _date(end, "end_date")
        if last < first or (last - first).days >= MAX_DAYS:
            raise invalid(f"end_date must be within {MAX_DAYS} days after start_date")
        return [first + timedelta(days=n) for n in range((last - first).days + 1)], True
    first = _date(f"{month}-01", "month") if month else call.now.astimezone(UTC).date().replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return [first + timedelta(days=n) for n in range((after - first).days)], False


def _date(text: str, name: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        form = "YYYY-MM" if name == "month" else "YYYY-MM-DD"
        raise invalid(f"{name} must have the form {form}") from error


def _cursor(call: Call) -> str:
    raw = call.text("next", call.body)
    if not raw:
        return ""
    try:
        return base64.urlsafe_b64decode(raw.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise invalid("next is not a cursor of this query") from error


FEATURE = Feature(operations=(DOMAIN,))
