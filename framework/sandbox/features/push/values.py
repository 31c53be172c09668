"""What a push template may name, and the templates of an app that sets none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS_OF
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import TIMELINES
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS

if TYPE_CHECKING:
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

APN_TEMPLATE = (
    '{"aps":{"alert":{"title":"{{ sender.name }} @ {{ channel.name }}","body":"{{ truncate message.text 2000 }}"},'
    '"category":"stream.chat","mutable-content":1},"stream":{"sender":"stream.chat","type":"message.new","version":"v2",'
    '"id":"{{ message.id }}","cid":"{{ channel.cid }}"}}'
)
FIREBASE_TEMPLATE = (
    '{"data":{"sender":"stream.chat","type":"message.new","version":"v2","id":"{{ message.id }}",'
    '"channel_type":"{{ channel.type }}","channel_id":"{{ channel.id }}","cid":"{{ channel.cid }}"}}'
)


def push_values(call: Call, message: Message, receiver: User) -> dict[str, Any]:
    """Return the message, its channel, its sender, the receiver, and how many messages it has not seen."""
    channel = messages.channel_of(call, message)
    sender = people.existing(call, message.user_id)
    in_channel = (member.user_id for member in call.store.index(MEMBERS_OF).of(channel.cid))
    known = (call.store[USERS].get(user_id) for user_id in in_channel if user_id != receiver.id)
    others = [_person(user) for user in known if user is not None]
    return {
        "message": {
            **message.custom,
            "id": message.id,
            "text": message.text,
            "type": message.type,
            "cid": message.cid,
            "attachments": message.attachments,
        },
        "channel": {
            **channel.custom,
            "id": channel.id,
            "type": channel.type,
            "cid": channel.cid,
            "name": channel.custom.get("name") or channel.id,
        },
        "sender": _person(sender),
        "receiver": _person(receiver),
        "members": others,
        "otherMembers": others,
        "unread_count": len(call.store.index(TIMELINES).channel(channel.cid)),
    }


def _person(user: User) -> dict[str, Any]:
    return {**user.custom, "id": user.id, "name": user.name or user.id, "image": user.image or ""}
