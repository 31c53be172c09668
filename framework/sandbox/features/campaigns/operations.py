"""Campaigns: create, query, change, start, stop."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.view import take_attachment
from framework.sandbox.chat.permissions.rules import type_of
from framework.sandbox.chat.users import people
from framework.sandbox.chat.users.view import user_by_id
from framework.sandbox.features.campaigns import rules as campaigns
from framework.sandbox.features.campaigns.record import CAMPAIGNS, Campaign
from framework.sandbox.features.campaigns.segments import SEGMENTS
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed, page
from framework.sandbox.kernel.wire import WireDialect

DOMAIN = Domain("campaigns")
MOST_USERS, MOST_SEGMENTS = 10_000, 25
_FLAGS = ("create_channels", "show_channels", "skip_push", "skip_webhook")
_TEXTS = ("name", "description", "sender_mode", "sender_visibility")


@DOMAIN.operation("CreateCampaign", "POST", "/campaigns", access=Access.SERVER)
def create_campaign(call: Call) -> Result:
    """Make a campaign; it is a draft until it is started."""
    campaign_id = call.text("id", call.body) or call.sandbox.ids.new()
    if campaign_id in call.store[CAMPAIGNS]:
        raise invalid(f"campaign with id {campaign_id} already exists")
    sender = people.existing(call, call.required_text("sender_id", call.body))
    made = Campaign(campaign_id, sender.id, call.now, call.now)
    _apply(call, made, whole=True)
    call.store[CAMPAIGNS].put(made)
    return _answer(call, made)


@DOMAIN.operation("QueryCampaigns", "POST", "/campaigns/query", access=Access.SERVER)
def query_campaigns(call: Call) -> Result:
    """Find campaigns."""
    found = listed(call, call.store[CAMPAIGNS], field_value)
    users = call.number("user_limit", 100, high=1000)
    return {"campaigns": [campaigns.view(call, one, users=users) for one in found.items], **found.cursors()}


@DOMAIN.operation("GetCampaign", "GET", "/campaigns/{id}", access=Access.SERVER)
def get_campaign(call: Call) -> Result:
    """One campaign, with a page of its users."""
    return _answer(call, _find(call))


@DOMAIN.operation("UpdateCampaign", "PUT", "/campaigns/{id}", access=Access.SERVER, status=200)
def update_campaign(call: Call) -> Result:
    """Change a campaign that was not sent yet."""
    campaign = _find(call)
    if campaign.status in ("in_progress", "completed"):
        raise invalid(f"a campaign that is {campaign.status} cannot be updated")
    changed = campaign.copy()
    if call.body.get("sender_id") is not None:
        changed.sender_id = people.existing(call, call.required_text("sender_id", call.body)).id
    _apply(call, changed, whole=False)
    changed.updated_at = call.now
    campaign.become(changed)
    call.store[CAMPAIGNS].put(campaign)
    return _flat_in_v2(call, campaign)


@DOMAIN.operation("DeleteCampaign", "DELETE", "/campaigns/{id}", access=Access.SERVER)
def delete_campaign(call: Call) -> Result:
    """Delete a campaign; what it sent stays."""
    campaign = _find(call)
    campaigns.stop(call, campaign)
    call.store[CAMPAIGNS].remove(campaign.id)
    return {}


@DOMAIN.operation("StartCampaign", "POST", "/campaigns/{id}/start", access=Access.SERVER)
def start_campaign(call: Call) -> Result:
    """Send a campaign now, or at `scheduled_for`."""
    campaign = _find(call)
    if campaign.status not in ("draft", "stopped", "scheduled"):
        raise invalid(f"a campaign that is {campaign.status} cannot be started")
    at, stop_at = call.time("scheduled_for", call.body), call.time("stop_at", call.body)
    if not (campaign.user_ids or campaign.segment_ids):
        raise invalid("either segment_ids or user_ids must be provided to start a campaign")
    if stop_at is not None and stop_at <= (at or call.now):
        raise invalid("stop_at must be after the start of the campaign")
    campaign.scheduled_for, campaign.stop_at = at, stop_at
    call.sandbox.scheduler.plan(campaigns.STOP, campaign.id, stop_at)
    if at is not None and at > call.now:
        campaign.status, campaign.updated_at = "scheduled", call.now
        call.sandbox.scheduler.plan(campaigns.START, campaign.id, at)
        call.store[CAMPAIGNS].put(campaign)
    else:
        campaigns.run(call, campaign)
    return _answer(call, campaign)


@DOMAIN.operation("StopCampaign", "POST", "/campaigns/{id}/stop", access=Access.SERVER)
def stop_campaign(call: Call) -> Result:
    """Stop a campaign that is scheduled, or is being sent."""
    campaign = _find(call)
    if campaign.status not in ("scheduled", "in_progress"):
        raise invalid(f"a campaign that is {campaign.status} cannot be stopped")
    campaigns.stop(call, campaign)
    return _flat_in_v2(call, campaign)


@DOMAIN.operation("PostCampaignsTest", "POST", "/campaigns/{id}/test", v2=None, access=Access.SERVER)
def test_campaign(call: Call) -> Result:
    """Send a campaign to a few users; its status stays."""
    campaign, ids = _find(call), call.texts("users", call.body)
    if not ids:
        raise invalid("users is a required field")
    trial = campaign.copy()
    receivers = [people.existing(call, user_id) for user_id in ids]
    trial.create_channels = True
    results = {user.id: "ok" if campaigns.send_to(call, trial, user.id) else "failed" for user in receivers}
    return {"status": "ok", "results": results}


def _find(call: Call) -> Campaign:
    campaign = call.store[CAMPAIGNS].get(call.path["id"])
    if campaign is None:
        raise not_found(f"campaign with id {call.path['id']} not found")
    return campaign


def _answer(call: Call, campaign: Campaign) -> Result:
    shown = page(call, campaign.user_ids, default=100, high=1000)
    view = campaigns.view(call, campaign)
    view["users"] = [user_by_id(call.sandbox, user_id) for user_id in shown.items]
    return {"campaign": view, "users": shown.cursors()}


def _flat_in_v2(call: Call, campaign: Campaign) -> Result:
    """v2 answers changes with the campaign itself, v1 with an object that holds it."""
    view = campaigns.view(call, campaign)
    return view if call.dialect is WireDialect.V2 else {"campaign": view, "users": {}}


def _apply(call: Call, campaign: Campaign, *, whole: bool) -> None:
    """Set what was given; the template must be there in a new campaign. Raises ApiError 400."""
    body = call.body
    if whole or body.get("message_template") is not None:
        template = call.mapping("message_template", body)
        if not template:
            raise invalid("message_template is a required field")
        attachments: Any = template.get("attachments") or []
        if not isinstance(attachments, list):
            raise invalid("message_template.attachments must be a list")
        campaign.attachments = [take_attachment(call.dialect, item) for item in attachments]
        call.mapping("custom", template)
        call.text("poll_id", template)
        campaign.message_template = {**template, "text": call.text("text", template) or ""}
        if not (campaign.message_template["text"] or attachments or template.get("poll_id")):
            raise invalid("message_template must have a text, attachments or a poll")
    if body.get("channel_template") is not None:
        campaign.channel_template = _channel_template(call, call.mapping("channel_template", body))
    for name in _FLAGS:
        setattr(campaign, name, call.flag(name, body, default=getattr(campaign, name)))
    for name in _TEXTS:
        setattr(campaign, name, call.text(name, body) or getattr(campaign, name))
    for name in ("segment_ids", "user_ids"):
        if body.get(name) is not None:
            setattr(campaign, name, list(dict.fromkeys(call.texts(name, body))))
    _check(call, campaign)


def _channel_template(call: Call, template: dict[str, Any]) -> dict[str, Any]:
    """Return a template of channels, checked. Raises ApiError 400, or 404 for an unknown type."""
    type_of(call.sandbox, call.required_text("type", template))
    for name in ("id", "team"):
        call.text(name, template)
    call.texts("members", template)
    call.mapping("custom", template)
    for entry in call.objects("members_template", template):
        call.required_text("user_id", entry)
    return template


def _check(call: Call, campaign: Campaign) -> None:
    if campaign.segment_ids and campaign.user_ids:
        raise invalid("segment_ids and user_ids cannot both be given")
    if len(campaign.user_ids) > MOST_USERS:
        raise invalid(f"user_ids can have at most {MOST_USERS} entries")
    if len(campaign.segment_ids) > MOST_SEGMENTS:
        raise invalid(f"segment_ids can have at most {MOST_SEGMENTS} entries")
    for segment_id in campaign.segment_ids:
        if segment_id not in call.store[SEGMENTS]:
            raise invalid(f"segment with id {segment_id} does not exist")
    if campaign.create_channels and not campaign.channel_template:
        raise invalid("channel_template is a required field when create_channels is true")


DUE = {
    campaigns.START: campaigns.start_due,
    campaigns.STOP: campaigns.stop_due,
    campaigns.SEND: campaigns.send_due,
}
FEATURE = Feature(operations=(DOMAIN,), due=DUE)
