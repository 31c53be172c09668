"""Channels that went with their creator's account, kept to come back with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, MEMBERS_OF, READS, READS_OF, Channel, Member, Read
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Table, grouped

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call


@dataclass(slots=True)
class HeldChannel(Record):
    """A channel out of sight, with its memberships and read states: the documents of their records.

    Its messages stay where they are.
    """

    KEY = ("cid",)

    cid: str
    user_id: str
    channel: str
    members: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)


HELD_CHANNELS = Table("held_channels", HeldChannel)
HELD_CHANNELS_OF = grouped(HELD_CHANNELS, lambda held: held.user_id)


def hold(call: Call, user: User) -> None:
    """Delete the channels that a user made, for now."""
    for channel in [one for one in call.store[CHANNELS] if one.created_by_id == user.id]:
        held = HeldChannel(channel.cid, user.id, channel.encode().decode())
        held.members = [member.encode().decode() for member in call.store.index(MEMBERS_OF).of(channel.cid)]
        held.reads = [read.encode().decode() for read in call.store.index(READS_OF).of(channel.cid)]
        delete_now(call, channel, None, keep_messages=True)
        call.store[HELD_CHANNELS].put(held)


def bring_back(call: Call, user: User) -> None:
    """Bring the channels of a user back, but those that were made anew under the same id."""
    for held in call.store.index(HELD_CHANNELS_OF).of(user.id):
        call.store[HELD_CHANNELS].remove(held.key)
        if held.cid in call.store[CHANNELS]:
            continue
        channel = call.store[CHANNELS].put(Channel.decode(held.channel.encode()))
        for member in map(Member.decode, (document.encode() for document in held.members)):
            if member.user_id in call.store[USERS]:
                call.store[MEMBERS].put(member)
        for read in map(Read.decode, (document.encode() for document in held.reads)):
            if read.user_id in call.store[USERS]:
                call.store[READS].put(read)
        channels.updated(call, channel, None)
