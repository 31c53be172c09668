"""Creating channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, Channel
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.permissions.bans import apply_future

if TYPE_CHECKING:
    from collections.abc import Mapping

    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Input


def create(
    call: Call,
    cid: str,
    taken: Input,
    creator: User,
    members: list[Mapping[str, Any]],
    invited: frozenset[str] = frozenset(),
) -> Channel:
    """Create a channel with its members, and tell them. Of these, the ids in `invited` are only invited."""
    channel_type, _, channel_id = cid.partition(":")
    channel = Channel(channel_type, channel_id, cid, call.now, call.now, created_by_id=creator.id)
    channels.apply(call, channel, taken)
    call.store[CHANNELS].put(channel)
    for entry in members:
        memberships.add_members(call, channel, [entry], creator, quiet=True, invite=entry["user_id"] in invited)
    apply_future(call, channel)
    return channel
