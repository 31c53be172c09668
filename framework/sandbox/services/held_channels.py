"""Taking a user's channels out of sight while its account is switched off, and bringing them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.sandbox.model.channel import CHANNELS, MEMBERS, MEMBERS_OF, READS, READS_OF, Channel, Member, Read
from framework.sandbox.model.held_channel import HELD_CHANNELS, HELD_CHANNELS_OF, HeldChannel
from framework.sandbox.model.user import USERS, User
from framework.sandbox.services import channels
from framework.sandbox.services.channel_removal import delete_now

if TYPE_CHECKING:
    from framework.sandbox.call import Call


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
