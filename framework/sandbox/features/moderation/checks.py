"""Checking content without sending it: by blocklists and rules. What needs a model finds nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.chat.messages.record import Message
from framework.sandbox.features.blocklists.record import PROFANITY
from framework.sandbox.features.moderation import content_check, hook_events, reports
from framework.sandbox.features.moderation import rule_conditions as rules
from framework.sandbox.features.moderation.records import AUTOMOD
from framework.sandbox.features.moderation.verdict import Verdict
from framework.sandbox.features.review.record import REVIEW_ITEMS
from framework.sandbox.features.review.setup import FEEDBACK, LABEL_RESULTS, LabelResult, ModerationFeedback
from framework.sandbox.features.review.view import item_view
from framework.sandbox.kernel import tasks
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed

DOMAIN = Domain("moderation_checks")
_ROOT = "/api/v2/moderation"


@DOMAIN.operation("Check", "POST", None, v2=f"{_ROOT}/check", access=Access.SERVER)
def check(call: Call) -> Result:
    """Check an entity's texts against a configuration; what is found goes to the review queue."""
    names = ("entity_type", "entity_id", "entity_creator_id")
    entity_type, entity_id, creator = (call.required_text(name, call.body) for name in names)
    payload = call.mapping("moderation_payload", call.body)
    texts = call.texts("texts", payload)
    key, team = call.text("config_key", call.body), call.text("config_team", call.body)
    verdict = _judge(call, "\n".join(texts), creator, key, team)
    test = call.flag("test_mode", call.body)
    result: dict[str, Any] = {"status": "complete", "recommended_action": _recommended(verdict.action)}
    if verdict.rules:
        result["triggered_rules"], result["triggered_rule"] = verdict.rules, verdict.rules[0]
    if verdict.action == "keep" or test:
        return result
    item = reports.item_for(call, entity_type, entity_id, creator)
    item.recommended_action, item.config_key = result["recommended_action"], key
    item.payload = payload or item.payload
    call.store[REVIEW_ITEMS].put(item)
    found = {
        "type": "automod",
        "entity_creator_id": creator,
        "labels": verdict.lists,
        "reason": ", ".join(verdict.lists),
    }
    reports.note(call, item, AUTOMOD, found)
    hook_events.checked(call, entity_type, entity_id, result["recommended_action"], item.id)
    return {**result, "item": item_view(call.sandbox, item)}


def _judge(call: Call, text: str, creator: str, key: str | None, team: str | None) -> Verdict:
    """What a configuration, by key or given in the call, finds in a text."""
    inline = call.mapping("config", call.body)
    config = content_check.config_for(call.sandbox, key, team) if key else None
    if key and config is None and not inline:
        raise not_found(f"moderation config with key {key} not found")
    settings: Mapping[str, Any] = inline or (config.settings if config is not None else {})
    verdict = content_check.judge(call.sandbox, text, content_check.lists_of(dict(settings)), team)
    message = Message("", "", creator, call.now, call.now, text=text)
    rules.run(call, message, {key} if key else set(), team, verdict, dry=call.flag("test_mode", call.body))
    return verdict


def _recommended(action: str) -> str:
    """Return the three things that checks recommend."""
    if action == "keep":
        return "keep"
    return "remove" if action in content_check.HELD and action != "bounce_flag" else "flag"


@DOMAIN.operation("Analyze", "POST", None, v2=f"{_ROOT}/analyze", access=Access.SERVER, status=200)
def analyze(call: Call) -> Result:
    """Say of each text what a configuration finds; of images nothing."""
    texts = call.mapping("texts", call.body)
    contents = call.mapping("content_ids", call.body)
    creator = call.text("entity_creator_id", call.body) or ""
    fields: dict[str, Any] = {}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise invalid(f"texts.{name} must be a string")
        verdict = _judge(call, text, creator, call.text("config_key", call.body), None)
        fields[name] = {
            "id": contents.get(name, name),
            "action": _recommended(verdict.action),
            "classifications": [{"name": one} for one in verdict.lists],
        }
    return {"status": "complete", "texts": fields, "images": {}}


@DOMAIN.operation("Labels", "POST", None, v2=f"{_ROOT}/labels", access=Access.SERVER)
def labels(call: Call) -> Result:
    """Label a text by the built-in list of profanities, or by the configuration that `policy` names."""
    content = call.required_text("content", call.body)
    policy = call.text("policy", call.body)
    config = content_check.config_for(call.sandbox, policy, None) if policy else None
    lists = content_check.lists_of(config.settings) if config is not None else [(PROFANITY.name, "flag")]
    verdict = content_check.judge(call.sandbox, content, lists, None)
    made = LabelResult(
        call.sandbox.ids.new(), call.now, content,
        content_type=call.text("content_type", call.body) or "text",
        category=call.text("category", call.body) or "",
        recommended_action=_recommended(verdict.action),
        masked_content=verdict.masked,
        labels=verdict.lists,
        content_id=call.text("content_id", call.body),
        policy=policy,
        user_id=call.text("user_id", call.body),
    )  # fmt: skip
    if not call.flag("dry_run", call.body):
        call.store[LABEL_RESULTS].put(made)
    shown = ("recommended_action", "labels", "masked_content", "content_id")
    return {name: value for name in shown if (value := getattr(made, name)) is not None}


@DOMAIN.operation("QueryLabelResults", "POST", None, v2=f"{_ROOT}/labels/results", access=Access.SERVER, status=200)
def query_label_results(call: Call) -> Result:
    """What was labelled before."""
    found = listed(call, call.store[LABEL_RESULTS], field_value)
    unknown = {"harm_type": "", "language": "", "severity": ""}
    return {"label_results": [{**unknown, **one.view().fields} for one in found.items], **found.cursors()}


@DOMAIN.operation(
    "SubmitModerationFeedback", "POST", None, v2=f"{_ROOT}/submit_moderation_feedback", access=Access.SERVER
)
def submit_feedback(call: Call) -> Result:
    """Keep what the app thinks of a decision."""
    for name in ("message", "published_at", "reference"):
        call.required_text(name, call.body)
    call.store[FEEDBACK].put(ModerationFeedback(call.sandbox.ids.new(), call.now, call.body))
    return {}


@DOMAIN.operation("CheckS3Access", "POST", None, v2=f"{_ROOT}/check_s3_access", access=Access.SERVER, status=200)
def check_s3_access(call: Call) -> Result:
    """Return whether images in a bucket can be read: from here they cannot."""
    call.text("s3_url", call.body)
    return {"success": False, "message": "the sandbox does not reach S3"}


@DOMAIN.operation("BulkImageModeration", "POST", None, v2=f"{_ROOT}/bulk_image_moderation", access=Access.SERVER)
def bulk_image_moderation(call: Call) -> Result:
    """Return a task over many images, which fails: the sandbox fetches no files and has no model for images."""
    call.required_text("csv_file", call.body)
    return {"task_id": tasks.failed(call, "moderation.images", "the sandbox fetches no files and moderates no images")}


FEATURE = Feature(operations=(DOMAIN,))
