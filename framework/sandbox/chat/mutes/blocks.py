"""Blocks between users."""

from __future__ import annotations

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.feature import Feature, dropping
from framework.sandbox.chat.mutes.records import BLOCKS, BLOCKS_BY, BLOCKS_OF, Block
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.operations import Domain, Result

DOMAIN = Domain("blocks")


@DOMAIN.operation("BlockUsers", "POST", "/users/block", family="common")
def block_users(call: Call) -> Result:
    """Block a user: the 1:1 channel with it goes out of sight."""
    user = people.acting_user(call)
    target = people.existing(call, call.required_text("blocked_user_id", call.body))
    if target.id == user.id:
        raise invalid("a user cannot block itself")
    block = call.store[BLOCKS].get(pair(user.id, target.id)) or Block(user.id, target.id, call.now)
    call.store[BLOCKS].put(block)
    return {
        "blocked_by_user_id": user.id,
        "blocked_user_id": target.id,
        "created_at": block.created_at,
        "blocked_at": block.created_at,
    }


@DOMAIN.operation("UnblockUsers", "POST", "/users/unblock", family="common")
def unblock_users(call: Call) -> Result:
    """Lift a block."""
    user = people.acting_user(call)
    target = call.required_text("blocked_user_id", call.body)
    call.store[BLOCKS].remove(pair(user.id, target))
    return {}


@DOMAIN.operation("GetBlockedUsers", "GET", "/users/block", family="common")
def get_blocked_users(call: Call) -> Result:
    """Whom a user blocks, in the order of the blocks."""
    user = people.acting_user(call)
    return {
        "blocks": [
            {
                "user_id": user.id,
                "user": user_by_id(call.sandbox, user.id),
                "blocked_user_id": block.blocked_user_id,
                "blocked_user": user_by_id(call.sandbox, block.blocked_user_id),
                "created_at": block.created_at,
            }
            for block in call.store.index(BLOCKS_BY).of(user.id)
        ]
    }


FEATURE = Feature(operations=(DOMAIN,), forget_user=dropping(BLOCKS_BY, BLOCKS_OF))
