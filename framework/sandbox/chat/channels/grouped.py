"""A user's channels by group.

At the service the groups of an app are set up on request; here a group is a filter tag of channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.channels.queries import channel_values
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERSHIPS_OF, Channel
from framework.sandbox.chat.channels.state import channel_state, watch
from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import User
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result
from framework.sandbox.kernel.query.paging import cut
from framework.sandbox.kernel.query.sorting import sort

DOMAIN = Domain("grouped_channels")
MAX_IN_GROUP = 10


@DOMAIN.operation("GroupedQueryChannels", "POST", "/channels/grouped")
def grouped_query_channels(call: Call) -> Result:
    """The first channels of each group, the latest first; of one group also a further page."""
    user = people.acting_user(call)
    limit = call.number("limit", MAX_IN_GROUP, low=1, high=MAX_IN_GROUP, source=call.body)
    mine = _channels(call, user)
    wanted = _wanted(call, mine)
    return {"groups": {name: _bucket(call, user, mine.get(name, []), options, limit) for name, options in wanted}}


def _channels(call: Call, user: User) -> dict[str, list[Channel]]:
    """The user's visible channels by filter tag."""
    value_of = channel_values(call, user)
    found: dict[str, list[Channel]] = {}
    for member in call.store.index(MEMBERSHIPS_OF).of(user.id):
        channel = call.store[CHANNELS].get(member.cid)
        if channel is None or value_of(channel, "hidden") or value_of(channel, "blocked"):
            continue
        for tag in channel.filter_tags or []:
            found.setdefault(tag, []).append(channel)
    return {tag: sort(channels, [("last_updated", True)], value_of) for tag, channels in found.items()}


def _wanted(call: Call, mine: Mapping[str, object]) -> list[tuple[str, Mapping[str, Any]]]:
    """The groups that are asked for with their options; without any, all of the user's. Raises ApiError 400."""
    named = call.mapping("groups", call.body)
    if not named:
        return [(name, {}) for name in sorted(mine)]
    wanted: list[tuple[str, Mapping[str, Any]]] = []
    for name, options in named.items():
        if options is not None and not isinstance(options, Mapping):
            raise invalid(f"groups.{name} must be an object")
        wanted.append((str(name), options or {}))
    if len(wanted) > 1 and any(options.get("next") or options.get("prev") for _, options in wanted):
        raise invalid("next and prev are only allowed when exactly one group is requested")
    return wanted


def _bucket(
    call: Call, user: User, channels: list[Channel], options: Mapping[str, Any], default: int
) -> dict[str, Any]:
    limit = call.number("limit", default, low=1, high=MAX_IN_GROUP, source=options)
    page = cut(channels, limit, call.text("next", options) or call.text("prev", options))
    value_of = channel_values(call, user)
    if call.flag("watch", call.body):
        for channel in page.items:
            watch(call, channel, user)
    return {
        "channels": [channel_state(call, channel, user) for channel in page.items],
        "unread_channels": sum(1 for channel in channels if value_of(channel, "has_unread")),
        **page.cursors(),
    }


FEATURE = Feature(operations=(DOMAIN,))
