"""Rules of the moderation. What they do to messages is in `rule_conditions.py`."""

from __future__ import annotations

from typing import Any

from framework.sandbox.chat.feature import Feature
from framework.sandbox.features.moderation.records import MODERATION_RULES, ModerationRule
from framework.sandbox.kernel.call import Call
from framework.sandbox.kernel.errors import invalid, not_found
from framework.sandbox.kernel.operations import Access, Domain, Result
from framework.sandbox.kernel.query.paging import field_value, listed

DOMAIN = Domain("moderation_rules")
_ROOT = "/api/v2/moderation"
TYPES = ("user", "content", "call", "flood")


@DOMAIN.operation("UpsertModerationRule", "POST", None, v2=f"{_ROOT}/moderation_rule", access=Access.SERVER)
def upsert_rule(call: Call) -> Result:
    """Set a rule; the one of the same name and team is replaced."""
    name, kind = call.required_text("name", call.body), call.required_text("rule_type", call.body)
    if kind not in TYPES:
        raise invalid(f"rule_type must be one of [{', '.join(TYPES)}]")
    team = call.text("team", call.body) or ""
    known = next((one for one in call.store[MODERATION_RULES] if (one.name, one.team) == (name, team)), None)
    rule_id = known.id if known is not None else call.text("id", call.body) or call.sandbox.ids.new()
    made = known.created_at if known is not None else call.now
    logic = (call.text("logic", call.body) or "AND").upper()
    if logic not in ("AND", "OR"):
        raise invalid("logic must be one of [AND, OR]")
    rule = ModerationRule(
        rule_id, name, kind, made, call.now,
        team=team,
        description=call.text("description", call.body) or "",
        enabled=call.flag("enabled", call.body, default=True),
        logic=logic,
        cooldown_period=call.text("cooldown_period", call.body),
        config_keys=call.texts("config_keys", call.body),
        conditions=call.objects("conditions", call.body),
        groups=call.objects("groups", call.body),
        action=call.mapping("action", call.body),
        action_sequences=call.objects("action_sequences", call.body),
    )  # fmt: skip
    if not (rule.action or rule.action_sequences):
        raise invalid("either action or action_sequences must be provided")
    if known is not None:
        known.become(rule)
    return {"rule": _view(call.store[MODERATION_RULES].put(known or rule))}


@DOMAIN.operation("GetModerationRule", "GET", None, v2=f"{_ROOT}/moderation_rule/{{id}}", access=Access.SERVER)
def get_rule(call: Call) -> Result:
    """One rule."""
    return {"rule": _view(_find(call))}


@DOMAIN.operation("DeleteModerationRule", "DELETE", None, v2=f"{_ROOT}/moderation_rule/{{id}}", access=Access.SERVER)
def delete_rule(call: Call) -> Result:
    """Forget a rule."""
    call.store[MODERATION_RULES].remove(_find(call).id)
    return {}


@DOMAIN.operation(
    "QueryModerationRules", "POST", None, v2=f"{_ROOT}/moderation_rules", access=Access.SERVER, status=200
)
def query_rules(call: Call) -> Result:
    """Find rules. The labels of the service's models are not the sandbox's: those lists are empty."""
    found = listed(call, call.store[MODERATION_RULES], field_value)
    lists = ("ai_image_label_definitions", "closed_caption_labels", "keyframe_labels", "ocr_labels")
    maps = ("ai_image_subclassifications", "default_llm_labels", "default_username_llm_labels",
            "keyframe_label_classifications")  # fmt: skip
    return {
        "rules": [_view(rule) for rule in found.items],
        **{name: [] for name in lists},
        **{name: {} for name in maps},
        **found.cursors(),
    }


def _find(call: Call) -> ModerationRule:
    rule = call.store[MODERATION_RULES].get(call.path["id"])
    if rule is None:
        raise not_found(f"moderation rule with id {call.path['id']} not found")
    return rule


def _view(rule: ModerationRule) -> dict[str, Any]:
    return rule.view().fields


FEATURE = Feature(operations=(DOMAIN,))
