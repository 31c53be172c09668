"""Sending campaigns: now, at their time, or as a test to a few."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels import creation as channel_creation
from framework.sandbox.chat.channels import rules as channels
from framework.sandbox.chat.channels.record import CHANNELS, MEMBERS, READS, Channel, pair
from framework.sandbox.chat.channels.view import channel_view
from framework.sandbox.chat.messages import rules as messages
from framework.sandbox.chat.messages.record import MESSAGES
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.chat.users.view import user_by_id, user_view
from framework.sandbox.features.campaigns import segments
from framework.sandbox.features.campaigns.record import CAMPAIGNS, Campaign
from framework.sandbox.features.campaigns.segments import SEGMENTS, Segment
from framework.sandbox.features.push.templates import render
from framework.sandbox.kernel.errors import ApiError
from framework.sandbox.kernel.realtime.event import Audience, Event, to_watchers
from framework.sandbox.kernel.wire import Entity, Input, WireDialect

if TYPE_CHECKING:
    from framework.sandbox.kernel.call import Call

_CHOSEN = ("sender_mode", "sender_visibility")
"""What v1 leaves out where nothing was chosen."""
START, STOP, SEND = "campaign.start", "campaign.stop", "campaign.send"
_TICK = 0.1
"""Seconds between two portions of a campaign; longer if even one message is more than its rate."""
_NAMED = (
    "id", "name", "description", "sender_id", "sender_mode", "sender_visibility", "status", "segment_ids", "user_ids",
    "create_channels", "show_channels", "skip_push", "skip_webhook", "created_at", "updated_at",
)  # fmt: skip


def start_due(call: Call, campaign_id: str) -> None:
    """Send a campaign whose time has come."""
    campaign = call.store[CAMPAIGNS].get(campaign_id)
    if campaign is not None and campaign.status == "scheduled":
        run(call, campaign)


def stop_due(call: Call, campaign_id: str) -> None:
    """Stop a campaign whose time is over; one that is completed stays so."""
    campaign = call.store[CAMPAIGNS].get(campaign_id)
    if campaign is not None and campaign.status in ("scheduled", "in_progress"):
        stop(call, campaign)


def stop(call: Call, campaign: Campaign) -> None:
    """Stop a campaign before it is sent, or in the middle. Started again it goes on with those who had no turn yet."""
    campaign.status, campaign.updated_at = "stopped", call.now
    call.sandbox.scheduler.cancel(START, campaign.id)
    call.sandbox.scheduler.cancel(STOP, campaign.id)
    call.sandbox.scheduler.cancel(SEND, campaign.id)
    call.store[CAMPAIGNS].put(campaign)


def run(call: Call, campaign: Campaign) -> None:
    """Begin to send a campaign to all its targets, or go on with it. It is sent in portions, at the sandbox's pace."""
    tried = campaign.targets[: campaign.tried]
    had = set(tried)
    campaign.targets = [*tried, *(one for one in _targets(call, campaign) if one not in had)]
    campaign.status, campaign.updated_at = "in_progress", call.now
    campaign.started_at = campaign.started_at or call.now
    call.sandbox.scheduler.cancel(START, campaign.id)
    call.sandbox.scheduler.plan(SEND, campaign.id, call.now + timedelta(seconds=_TICK))
    call.store[CAMPAIGNS].put(campaign)
    _tell(call, "campaign.started", campaign)


def send_due(call: Call, campaign_id: str) -> None:
    """Send the next portion of a campaign, and plan the one after it."""
    campaign = call.store[CAMPAIGNS].get(campaign_id)
    if campaign is None or campaign.status != "in_progress":
        return
    rate = max(1, call.sandbox.config.campaign_rate)
    portion = max(1, round(rate * _TICK))
    for target in campaign.targets[campaign.tried : campaign.tried + portion]:
        if ":" in target:
            _send_in(call, campaign, channels.by_cid(call, target), None)
        else:
            send_to(call, campaign, target)
        campaign.tried += 1
    if campaign.tried < len(campaign.targets):
        pause = max(_TICK, portion / rate)
        call.sandbox.scheduler.plan(SEND, campaign.id, call.now + timedelta(seconds=pause))
        call.store[CAMPAIGNS].put(campaign)
        return
    campaign.status, campaign.completed_at, campaign.updated_at = "completed", call.now, call.now
    call.sandbox.scheduler.cancel(STOP, campaign.id)
    call.store[CAMPAIGNS].put(campaign)
    _tell(call, "campaign.completed", campaign)


def _targets(call: Call, campaign: Campaign) -> list[str]:
    """Channels of segments by their cid, and users by their id."""
    cids: dict[str, None] = {}
    for segment in _segments(call, campaign):
        if segment.type == "channel":
            cids |= dict.fromkeys(segments.cids(call, segment, campaign.sender_id))
    return [*cids, *target_users(call, campaign)]


def target_users(call: Call, campaign: Campaign) -> list[str]:
    """Return the users that a campaign goes to, each once. Who is deactivated or deleted is left out."""
    found = dict.fromkeys(campaign.user_ids)
    for segment in _segments(call, campaign):
        if segment.type == "user":
            found |= dict.fromkeys(segments.user_ids(call, segment))
    users = (call.store[USERS].get(user_id) for user_id in found)
    return [user.id for user in users if user is not None and not (user.deactivated_at or user.deleted_at)]


def send_to(call: Call, campaign: Campaign, user_id: str) -> bool:
    """Send to one user, in the channel with the sender. Return false if it is missing and may not be created."""
    receiver = call.store[USERS].get(user_id)
    channel = _channel_for(call, campaign, receiver) if receiver is not None else None
    return channel is not None and _send_in(call, campaign, channel, receiver)


def _channel_for(call: Call, campaign: Campaign, receiver: User) -> Channel | None:
    template = campaign.channel_template or {}
    kind = str(template.get("type") or "messaging")
    members = _members(campaign, template, receiver)
    values = {"receiver": {"id": receiver.id}, "sender": {"id": campaign.sender_id}, "campaign": {"id": campaign.id}}
    named = render(str(template.get("id") or ""), values)
    cid = channels.cid_of(call, kind, named or channels.distinct_id(entry["user_id"] for entry in members))
    known = call.store[CHANNELS].get(cid)
    if known is not None or not campaign.create_channels:
        return known
    fields = {"team": template["team"]} if template.get("team") else {}
    custom = template.get("custom")
    taken = Input(fields, dict(custom) if isinstance(custom, dict) else {})
    existing: list[Any] = [entry for entry in members if entry["user_id"] in call.store[USERS]]
    sender = people.existing(call, campaign.sender_id)
    channel = channel_creation.create(call, cid, taken, sender, existing)
    campaign.channels_created += 1
    payload = {"channel": channel_view(call.sandbox, channel), "user": user_view(call.sandbox, sender)}
    call.emit(to_watchers("channel.created", call.now, cid, payload))
    call.events[-1].hooks = not campaign.skip_webhook
    member = call.store[MEMBERS].get(pair(cid, sender.id))
    if member is not None and campaign.sender_visibility in ("hidden", "archived"):
        member.hidden = campaign.sender_visibility == "hidden"
        member.archived_at = call.now if campaign.sender_visibility == "archived" else None
        call.store[MEMBERS].put(member)
    return channel


def _members(campaign: Campaign, template: dict[str, Any], receiver: User) -> list[dict[str, Any]]:
    """Return the receiver, the sender unless it is left out, and whom the template names."""
    named: dict[str, dict[str, Any]] = {receiver.id: {"user_id": receiver.id}}
    if campaign.sender_mode != "exclude":
        named.setdefault(campaign.sender_id, {"user_id": campaign.sender_id})
    for user_id in template.get("members") or []:
        named.setdefault(str(user_id), {"user_id": str(user_id)})
    for entry in template.get("members_template") or []:
        if isinstance(entry, dict) and entry.get("user_id"):
            named[str(entry["user_id"])] = dict(entry)
    return list(named.values())


def _send_in(call: Call, campaign: Campaign, channel: Channel, receiver: User | None) -> bool:
    sender = people.existing(call, campaign.sender_id)
    values = {
        "sender": _person(sender),
        "receiver": _person(receiver),
        "channel": {"id": channel.id, "cid": channel.cid},
    }
    template = campaign.message_template
    attachments = [{**item["custom"], **item["fields"]} for item in campaign.attachments]
    fields: dict[str, Any] = {"text": render(str(template.get("text") or ""), values), "attachments": attachments}
    if template.get("poll_id"):
        fields["poll_id"] = template["poll_id"]
    custom = template.get("custom")
    taken = Input(fields, {**(custom if isinstance(custom, dict) else {}), "campaign_id": campaign.id})
    before = len(call.events)
    try:
        message = messages.send(call, channel, taken, sender, skip_push=campaign.skip_push)
    except ApiError:
        return False  # one target that cannot be sent to does not stop the others; the stats tell
    for event in call.events[before:]:
        event.hooks = event.hooks and not campaign.skip_webhook
    campaign.sent.append([receiver.id if receiver is not None else "", channel.cid, message.id])
    return True


def _person(user: User | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {**user.custom, "id": user.id, "name": user.name or user.id, "image": user.image or ""}


def _segments(call: Call, campaign: Campaign) -> list[Segment]:
    found = (call.store[SEGMENTS].get(segment_id) for segment_id in campaign.segment_ids)
    return [segment for segment in found if segment is not None]


def view(call: Call, campaign: Campaign, *, users: int = 100) -> dict[str, Any]:
    """Return a campaign with its sender, segments, targets and what became of it."""
    shown: dict[str, Any] = {name: getattr(campaign, name) for name in _NAMED}
    if call.dialect is WireDialect.V1:
        shown = {name: value for name, value in shown.items() if name not in _CHOSEN or value}
    template = dict(campaign.message_template)
    template["attachments"] = [Entity(item["fields"], item["custom"]) for item in campaign.attachments]
    shown |= {
        "message_template": template,
        "segments": [segments.view(call, segment) for segment in _segments(call, campaign)],
        "users": [user_by_id(call.sandbox, user_id) for user_id in campaign.user_ids[:users]],
        "sender": user_by_id(call.sandbox, campaign.sender_id),
        "stats": stats(call, campaign),
    }
    for name in ("channel_template", "scheduled_for", "stop_at"):
        if getattr(campaign, name) is not None:
            shown[name] = getattr(campaign, name)
    return shown


def stats(call: Call, campaign: Campaign) -> dict[str, Any]:
    """How far a campaign is, and how many of its users have read it."""
    read = 0
    for user_id, cid, message_id in campaign.sent:
        state, message = call.store[READS].get(pair(cid, user_id)), call.store[MESSAGES].get(message_id)
        if state is not None and message is not None:
            # A member that was just added starts out at the time of the message, unread.
            read += state.last_read > message.created_at or state.last_read_message_id == message_id
    return {
        "progress": _progress(campaign),
        "stats_channels_created": campaign.channels_created,
        "stats_messages_sent": len(campaign.sent),
        "stats_users_sent": len({user_id for user_id, _, _ in campaign.sent if user_id}),
        "stats_users_read": read,
        "stats_started_at": campaign.started_at or segments.NEVER,
        "stats_completed_at": campaign.completed_at or segments.NEVER,
    }


def _progress(campaign: Campaign) -> float:
    """The share of the targets that had their turn."""
    if campaign.status == "completed":
        return 1.0
    return round(campaign.tried / len(campaign.targets), 4) if campaign.targets else 0.0


def _tell(call: Call, kind: str, campaign: Campaign) -> None:
    """campaign.started and campaign.completed: to hooks alone, no connection gets them."""
    call.emit(Event(kind, call.now, {"campaign": view(call, campaign)}, Audience()))
