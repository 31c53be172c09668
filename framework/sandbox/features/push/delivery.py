"""Who is told of a new message on which device, by the rules of the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERS_OF, pair
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.mutes.records import BLOCKS, CHANNEL_MUTES, USER_MUTES
from framework.sandbox.chat.permissions.rules import config_of
from framework.sandbox.chat.threads.record import PARTICIPANTS_OF
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS
from framework.sandbox.features.push.devices import DEAD, DEVICES, DEVICES_OF, Device
from framework.sandbox.features.push.handlebars import TemplateError, render_push
from framework.sandbox.features.push.log import PUSH_LOG, PushEntry
from framework.sandbox.features.push.record import PUSH_PREFERENCES, PUSH_PROVIDERS, PUSH_TEMPLATES, PushProvider
from framework.sandbox.features.push.values import APN_TEMPLATE, FIREBASE_TEMPLATE, push_values

if TYPE_CHECKING:
    from datetime import datetime

    from framework.sandbox.chat.channels.record import Channel, Member
    from framework.sandbox.chat.messages.record import Message
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call

EVENT = "message.new"
_PUSHED = ("regular", "reply", "system")
_NO_PROVIDER = "no push provider of this type is set up"


def push(call: Call, message: Message, *, skip: bool) -> None:
    """Log what goes to whom about a message that can be seen now."""
    log = call.sandbox[PUSH_LOG]
    for entry in _entries(call, message, skip=skip):
        log.add(entry)


def _entries(call: Call, message: Message, *, skip: bool) -> Iterator[PushEntry]:
    if message.type not in _PUSHED:
        return
    channel = messages.channel_of(call, message)
    everybody = _why_nobody(call, channel, message, skip=skip)
    for member in call.store.index(MEMBERS_OF).of(channel.cid):
        if member.user_id == message.user_id:
            continue
        devices = call.store.index(DEVICES_OF).of(member.user_id)
        why = everybody or _why_not(call, channel, message, member) or ("" if devices else "the user has no device")
        if why:
            yield PushEntry(call.now, EVENT, channel.cid, message.id, member.user_id, why_not=why)
            continue
        user = people.existing(call, member.user_id)
        for device in devices:
            yield _to_device(call, message, user, device)


def _why_nobody(call: Call, channel: Channel, message: Message, *, skip: bool) -> str:
    if skip:
        return "skip_push was asked for"
    if message.silent:
        return "the message is silent"
    if message.shadowed:
        return "the sender is shadow banned"
    if config_of(call.sandbox, channel).get("push_notifications") is False:
        return "the channel type has push_notifications off"
    return ""


def _why_not(call: Call, channel: Channel, message: Message, member: Member) -> str:
    user = call.store[USERS].get(member.user_id)
    if user is None or user.deactivated_at is not None:
        return "the user is deactivated"
    if member.invited and member.invite_accepted_at is None:
        return "the invite is not accepted"
    if message.restricted_visibility and user.id not in message.restricted_visibility:
        return "the message is not visible to the user"
    return (
        _not_in_thread(call, message, user)
        or _muted(call, channel, message, user, member)
        or _not_wanted(call, channel, message, user)
    )


def _not_in_thread(call: Call, message: Message, user: User) -> str:
    """A reply is for those who take part in its thread, unless it is shown in the channel, too."""
    if message.in_channel or user.id in message.mentioned_user_ids:
        return ""
    parent = call.store[MESSAGES].get(message.parent_id or "")
    taking_part = {one.user_id for one in call.store.index(PARTICIPANTS_OF).of(message.parent_id or "")}
    if parent is not None:
        taking_part.add(parent.user_id)
    return "" if user.id in taking_part else "the user takes no part in the thread"


def _muted(call: Call, channel: Channel, message: Message, user: User, member: Member) -> str:
    if _lasts(call.now, call.store[CHANNEL_MUTES].get(pair(channel.cid, user.id))) or member.notifications_muted:
        return "the user muted the channel"
    if _lasts(call.now, call.store[USER_MUTES].get(pair(user.id, message.user_id))):
        return "the user muted the sender"
    if call.store[BLOCKS].get(pair(user.id, message.user_id)) is not None:
        return "the user blocked the sender"
    return ""


def _lasts(now: datetime, mute: Any) -> bool:  # noqa: ANN401 - a mute of either kind
    return mute is not None and (mute.expires is None or mute.expires > now)


def _not_wanted(call: Call, channel: Channel, message: Message, user: User) -> str:
    """By the user's preference for the channel, else by that for everything."""
    for cid in (channel.cid, ""):
        preference = call.store[PUSH_PREFERENCES].get(f"{user.id}/{cid}")
        if preference is None:
            continue
        if preference.disabled_until is not None and preference.disabled_until > call.now:
            return f"the user wants no push until {preference.disabled_until.isoformat()}"
        level = preference.settings.get("chat_level")
        if level in (None, "", "default"):
            continue
        return _by_level(str(level), message, user)
    return ""


def _by_level(level: str, message: Message, user: User) -> str:
    directly = user.id in message.mentioned_user_ids
    all_ = message.mentioned_channel or message.mentioned_here
    wanted = {
        "none": False,
        "direct_mentions": directly,
        "mentions": directly or all_,
        "all_mentions": directly or all_,
    }
    if wanted.get(level, True):
        return ""
    return "the user wants no push" if level == "none" else f"the user wants {level.replace('_', ' ')} only"


def _to_device(call: Call, message: Message, user: User, device: Device) -> PushEntry:
    provider = _provider(call, device)
    payload, why = _payload(call, message, user, device, provider)
    if device.disabled:
        payload, why = {}, f"the device is switched off: {device.disabled_reason}"
    elif not why and device.id.startswith(DEAD):
        device.disabled, device.disabled_reason = True, "the provider does not know the device"
        call.store[DEVICES].put(device)
        payload, why = {}, device.disabled_reason
    return PushEntry(
        call.now,
        EVENT,
        message.cid,
        message.id,
        user.id,
        device=device.id,
        provider=device.push_provider,
        provider_name=provider.name if provider else device.push_provider_name or "",
        payload=payload,
        why_not=why,
    )


def _provider(call: Call, device: Device) -> PushProvider | None:
    named = device.push_provider_name
    found = [one for one in call.store[PUSH_PROVIDERS] if one.type == device.push_provider]
    return next((one for one in found if named in (None, "", one.name)), None)


def _payload(
    call: Call, message: Message, user: User, device: Device, provider: PushProvider | None
) -> tuple[dict[str, Any], str]:
    """What the provider gets, and why it gets nothing."""
    if provider is None and len(call.store[PUSH_PROVIDERS]):
        return {}, _NO_PROVIDER
    template = call.store[PUSH_TEMPLATES].get(f"{provider.key}/{EVENT}") if provider else None
    if template is not None and not template.enable_push:
        return {}, f"{EVENT} is switched off in the provider's template"
    usual = APN_TEMPLATE if device.push_provider == "apn" else FIREBASE_TEMPLATE
    try:
        text = render_push((template.template if template else None) or usual, push_values(call, message, user))
        payload = json.loads(text)
    except (TemplateError, ValueError) as error:
        return {}, f"the template makes no JSON: {error}"
    return (payload, "") if isinstance(payload, dict) else ({}, "the template makes no JSON object")
