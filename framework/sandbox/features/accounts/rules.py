"""Ending and resuming accounts: deactivation, deletion, and what becomes of a user's messages and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, MEMBERS_OF, MEMBERSHIPS_OF, READS, Channel, pair
from framework.sandbox.chat.channels.removal import delete_now
from framework.sandbox.chat.feature import FEATURES
from framework.sandbox.chat.members import memberships
from framework.sandbox.chat.messages.deletion import delete_hard, delete_soft
from framework.sandbox.chat.messages.record import MESSAGES, REACTIONS, Message
from framework.sandbox.chat.messages.view import message_view, reaction_view
from framework.sandbox.chat.reads import unread
from framework.sandbox.chat.users.people import related
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.chat.users.view import user_view
from framework.sandbox.features.accounts import held_channels
from framework.sandbox.kernel.errors import invalid
from framework.sandbox.kernel.realtime.event import to_users
from framework.sandbox.kernel.wire import Json

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.wire import Entity

SOFT, HARD, PRUNING = "soft", "hard", "pruning"


def deactivate(
    call: Call, user: User, *, mark_messages_deleted: bool, mark_channels_deleted: bool = False
) -> Entity:  # fmt: skip
    """Switch a user off: it can neither connect nor be found until it is reactivated. Returns its view."""
    if user.deactivated_at is not None:
        raise invalid(f"user with id {user.id} is already deactivated")
    user.deactivated_at = user.updated_at = call.now
    call.store[USERS].put(user)
    if mark_messages_deleted:
        remove_messages(call, user, SOFT)
    if mark_channels_deleted:
        held_channels.hold(call, user)
    return _tell(call, "user.deactivated", user)


def reactivate(
    call: Call, user: User, *, name: str | None = None, restore_messages: bool, restore_channels: bool = False
) -> Entity:  # fmt: skip
    """Switch a user on again, with the messages and channels that went with it if asked to. Returns its view."""
    if user.deactivated_at is None:
        raise invalid(f"user with id {user.id} is not deactivated")
    if restore_messages:
        _restore_messages(call, user, user.deactivated_at)
    if restore_channels:
        held_channels.bring_back(call, user)
    user.deactivated_at, user.updated_at = None, call.now
    if name is not None:
        user.name = name
    call.store[USERS].put(user)
    return _tell(call, "user.reactivated", user)


def delete(
    call: Call, user: User, mode: str, *, messages: str | None = None, conversations: str | None = None,
    new_owner: User | None = None,
) -> Entity:  # fmt: skip
    """Delete a user. `mode` and `messages` are "soft" (marked), "hard" (gone) or "pruning" (its data wiped).

    `conversations` deletes its 1:1 channels; `new_owner` gets the channels that it made. Returns its last view.
    """
    if conversations is not None:
        for channel in _conversations(call, user):
            delete_now(call, channel, None)
    if messages is not None:
        remove_messages(call, user, messages)
    if new_owner is not None:
        _hand_over(call, user, new_owner)
    user.deleted_at = user.updated_at = call.now
    if mode == PRUNING:
        user.name = user.image = None
        user.custom = {}
    view = _tell(
        call, "user.deleted", user, hard_delete=mode == HARD, mark_messages_deleted=messages is not None,
        delete_conversation_channels=conversations is not None,
    )  # fmt: skip
    if mode == HARD:
        _remove(call, user)
    else:
        call.store[USERS].put(user)
    return view


def restore(call: Call, user: User) -> None:
    """Bring a softly deleted user back."""
    user.deleted_at, user.updated_at = None, call.now
    call.store[USERS].put(user)


def export(call: Call, user: User) -> dict[str, Any]:
    """Everything that is stored of a user."""
    return {
        "user": user_view(call.sandbox, user),
        "messages": [message_view(call.sandbox, one) for one in call.store[MESSAGES] if one.user_id == user.id],
        "reactions": [reaction_view(call.sandbox, one) for one in call.store[REACTIONS] if one.user_id == user.id],
    }


def remove_messages(call: Call, user: User, mode: str) -> None:
    """Delete all messages of a user; "hard" and "pruning" take its reactions along."""
    for message in [one for one in call.store[MESSAGES] if one.user_id == user.id]:
        if message.cid not in call.store[CHANNELS] or message.id not in call.store[MESSAGES]:
            continue
        if mode == SOFT:
            if message.deleted_at is None:
                delete_soft(call, message, user)
        else:
            delete_hard(call, message, user)
    if mode != SOFT:
        for reaction in [one for one in call.store[REACTIONS] if one.user_id == user.id]:
            call.store[REACTIONS].remove(reaction.key)


def _restore_messages(call: Call, user: User, deleted_at: datetime) -> None:
    """Undelete what was deleted by the call that deactivated the user: all of it bears that call's time."""
    touched: dict[str, None] = {}
    for message in call.store[MESSAGES]:
        if message.user_id == user.id and message.deleted_at == deleted_at:
            message.deleted_at = None
            message.type = _type_of(message)
            message.updated_at = call.now
            call.store[MESSAGES].put(message)
            touched[message.cid] = None
    for cid in touched:
        unread.recount(call.sandbox, cid)


def _type_of(message: Message) -> str:
    return "reply" if message.parent_id else "regular"


def _conversations(call: Call, user: User) -> list[Channel]:
    """Return the user's 1:1 channels."""
    memberships = call.store.index(MEMBERSHIPS_OF).of(user.id)
    cids = [member.cid for member in memberships if call.store.index(MEMBERS_OF).count(member.cid) == 2]
    return [channel for cid in cids if (channel := call.store[CHANNELS].get(cid)) is not None]


def _hand_over(call: Call, user: User, owner: User) -> None:
    for channel in call.store[CHANNELS]:
        if channel.created_by_id == user.id:
            channel.created_by_id = owner.id
            call.store[CHANNELS].put(channel)
            if pair(channel.cid, owner.id) not in call.store[MEMBERS]:
                memberships.add_members(call, channel, [{"user_id": owner.id}], None)


def _remove(call: Call, user: User) -> None:
    """Forget a user and what it set for itself; its messages bear the bare id from now on."""
    store = call.store
    for member in store.index(MEMBERSHIPS_OF).of(user.id):
        store[MEMBERS].remove(member.key)
        store[READS].remove(pair(member.cid, user.id))
    for drop in call.sandbox[FEATURES].forget_user:
        drop(call, user.id)
    store[USERS].remove(user.id)


def _tell(call: Call, kind: str, user: User, **more: Json) -> Entity:
    """Return an event to the user and those who share a channel with it."""
    view = user_view(call.sandbox, user)
    call.emit(to_users(kind, call.now, related(call, user.id), {"user": view, **more}))
    return view
