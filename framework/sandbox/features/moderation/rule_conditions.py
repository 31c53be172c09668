"""Applying moderation rules to a message.

The conditions that can be decided from what is stored are: text content and text rules (length, links, blocklists),
counts and repetitions within a window, and the age, role and custom data of the author. Those that need a model at the
service never hold here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import pair
from framework.sandbox.chat.messages.record import MESSAGES_OF, Message
from framework.sandbox.chat.permissions import bans
from framework.sandbox.chat.permissions.ban_status import Ban
from framework.sandbox.chat.users.record import USERS, User
from framework.sandbox.features.blocklists import rules as blocklists
from framework.sandbox.features.moderation import hook_events, reports
from framework.sandbox.features.moderation.records import (
    AUTOMOD,
    MODERATION_RULES,
    RULE_RESTS,
    USER,
    ModerationConfig,
    ModerationRule,
    RuleRest,
)

if TYPE_CHECKING:
    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.features.moderation.verdict import Verdict
    from framework.sandbox.kernel.call import Call

_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_WINDOW = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq, "eq": operator.eq, "greater": operator.gt, "gt": operator.gt, "less": operator.lt,
    "lt": operator.lt, "greater_or_equal": operator.ge, "gte": operator.ge, "less_or_equal": operator.le,
    "lte": operator.le, "not_equals": operator.ne, "ne": operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class _Content:
    """What a condition looks at."""

    call: Call
    message: Message
    author: User | None
    team: str | None

    def earlier(self, window: object) -> list[Message]:
        """What the author wrote in the channel within a window such as "1h", this message included."""
        since = self.call.now - duration(window)
        line = self.call.store.index(MESSAGES_OF).of(self.message.cid)
        mine = [one for one in line if one.user_id == self.message.user_id and one.created_at >= since]
        return [*(one for one in mine if one.id != self.message.id), self.message]


def apply(call: Call, channel: Channel, message: Message, verdict: Verdict) -> None:
    """Let the rules that hold for a channel's message add to a verdict, and ban or flag the author as they say."""
    keys = {f"chat:{channel.cid}", f"chat:{channel.type}", "chat"}
    run(call, message, keys, channel.team, verdict)


def run(call: Call, message: Message, keys: set[str], team: str | None, verdict: Verdict, *, dry: bool = False) -> None:
    """Let the rules of configurations add to a verdict; `dry` leaves the author alone."""
    if not len(call.store[MODERATION_RULES]):
        return
    rules = [one for one in call.store[MODERATION_RULES] if not one.config_keys or keys & set(one.config_keys)]
    _run(call, message, rules, team, verdict, dry=dry)


def run_built(call: Call, message: Message, config: ModerationConfig, team: str | None, verdict: Verdict) -> None:
    """Let the rules inside of a configuration (`rule_builder_config`) add to a verdict."""
    part = config.settings.get("rule_builder_config")
    given = part.get("rules") if isinstance(part, Mapping) else None
    rules = [_built(config, number, rule) for number, rule in enumerate(given or []) if isinstance(rule, Mapping)]
    _run(call, message, rules, team, verdict)


def _built(config: ModerationConfig, number: int, rule: Mapping[str, Any]) -> ModerationRule:
    id_ = str(rule.get("id") or f"{config.config_key}-{number + 1}")
    return ModerationRule(
        id_, id_, str(rule.get("rule_type") or "content"), config.created_at, config.updated_at,
        logic=str(rule.get("logic") or "AND"),
        cooldown_period=rule.get("cooldown_period"),
        conditions=[one for one in rule.get("conditions") or [] if isinstance(one, dict)],
        groups=[one for one in rule.get("groups") or [] if isinstance(one, dict)],
        action=dict(rule.get("action") or {}),
    )  # fmt: skip


def _run(
    call: Call,
    message: Message,
    rules: Iterable[ModerationRule],
    team: str | None,
    verdict: Verdict,
    *,
    dry: bool = False,
) -> None:
    content = _Content(call, message, call.store[USERS].get(message.user_id), team)
    for rule in rules:
        if rule.enabled and not _rests(call, rule, message.user_id) and _holds(rule, content):
            _act(call, rule, message, verdict, dry=dry)


def _rests(call: Call, rule: ModerationRule, user_id: str) -> bool:
    """Whether the rule applied to this user within its `cooldown_period`."""
    if not rule.cooldown_period:
        return False
    rest = call.store[RULE_RESTS].get(pair(rule.id, user_id))
    return rest is not None and call.now - rest.applied_at < duration(rule.cooldown_period)


def _holds(rule: ModerationRule, content: _Content) -> bool:
    parts = [_condition(condition, content) for condition in rule.conditions]
    for group in rule.groups:
        inner = [_condition(one, content) for one in group.get("conditions") or [] if isinstance(one, Mapping)]
        if inner:
            parts.append(any(inner) if str(group.get("logic")).upper() == "OR" else all(inner))
    return bool(parts) and (any(parts) if rule.logic.upper() == "OR" else all(parts))


def _act(call: Call, rule: ModerationRule, message: Message, verdict: Verdict, *, dry: bool) -> None:
    kind = str(rule.action.get("type") or "flag_content")
    verdict.rules.append({"rule_id": rule.id, "rule_name": rule.name, "type": rule.rule_type, "actions": [kind]})
    known = message.user_id in call.store[USERS] and not dry
    if not dry:
        if rule.cooldown_period:
            call.store[RULE_RESTS].put(RuleRest(rule.id, message.user_id, call.now))
        hook_events.rule_triggered(call, rule, message, [kind])
    if kind in ("ban_user", "ban") and known:
        options: Any = rule.action.get("ban_options") or {}
        expires = bans.expiry(call, _minutes(options.get("duration")))
        shadow = options.get("shadow_ban") is True
        reason = options.get("reason") or rule.name
        bans.impose(call, Ban(message.user_id, "", call.now, None, str(reason), expires, shadow), None)
        verdict.add("remove")
    elif kind in ("flag_user", "flag_user_content"):
        earlier = reports.flags_to(call, USER, message.user_id)
        if known and not any(flag.user_id == AUTOMOD for flag in earlier):
            creator = message.user_id
            reports.flag(call, AUTOMOD, USER, creator, type="rule", entity_creator_id=creator, reason=rule.name)
    else:
        verdict.add(kind)


def _minutes(seconds: object) -> int:
    return max(1, int(seconds) // 60) if isinstance(seconds, int | float) and seconds else 0


def duration(window: object) -> timedelta:
    """Read a window such as "30m" or "1h". A number means seconds. Anything else means an hour."""
    if isinstance(window, int | float):
        return timedelta(seconds=min(float(window), 1e9))
    match = _WINDOW.fullmatch(str(window).strip())
    return timedelta(**{_UNITS[match[2]]: min(int(match[1]), 10_000)}) if match else timedelta(hours=1)


def _condition(condition: Mapping[str, Any], content: _Content) -> bool:
    for name, test in _TESTS.items():
        params = condition.get(name)
        if isinstance(params, Mapping):
            return test(params, content)
    return False


def _text_content(params: Mapping[str, Any], content: _Content, message: Message | None = None) -> bool:
    """Return whether a text is what the parameters describe; parameters that need a model make it not so."""
    if params.get("harm_labels") or params.get("llm_harm_labels") or params.get("severity"):
        return False
    text = (message or content.message).text
    checks = []
    if params.get("contains_url") is not None:
        checks.append(bool(_URL.search(text)) is bool(params["contains_url"]))
    if params.get("text_length") is not None:
        checks.append(_compare(str(params.get("text_length_operator") or "gte"), len(text), params["text_length"]))
    if params.get("blocklist_match"):
        names = _names(params, "blocklist_match")
        lists = [blocklists.find(content.call.sandbox, name, content.team) for name in names]
        checks.append(any(blocklists.spans(one, text) for one in lists if one is not None))
    return bool(checks) and all(checks)


def _text_rule(params: Mapping[str, Any], content: _Content) -> bool:
    found = [one for one in content.earlier(params.get("time_window")) if _text_content(params, content, one)]
    return len(found) >= _threshold(params)


def _content_count(params: Mapping[str, Any], content: _Content) -> bool:
    return len(content.earlier(params.get("time_window"))) >= _threshold(params)


def _identical(params: Mapping[str, Any], content: _Content) -> bool:
    text = content.message.text
    if text in _names(params, "allowlist"):
        return False
    same = [one for one in content.earlier(params.get("time_window")) if one.text == text]
    return len(same) >= max(2, _threshold(params))


def _names(params: Mapping[str, Any], key: str) -> list[str]:
    """A list of names in the parameters; anything else names nothing."""
    value = params.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _threshold(params: Mapping[str, Any]) -> int:
    threshold = params.get("threshold")
    return max(1, threshold) if isinstance(threshold, int) else 1


def _created_within(params: Mapping[str, Any], content: _Content) -> bool:
    return content.author is not None and content.call.now - content.author.created_at <= duration(
        params.get("max_age")
    )


def _role(params: Mapping[str, Any], content: _Content) -> bool:
    return content.author is not None and _compare(
        str(params.get("operator") or "equals"), content.author.role, params.get("role")
    )


def _user_property(params: Mapping[str, Any], content: _Content) -> bool:
    return content.author is not None and _property(params, content.author.custom)


def _content_property(params: Mapping[str, Any], content: _Content) -> bool:
    return _property(params, content.message.custom)


def _property(params: Mapping[str, Any], custom: Mapping[str, Any]) -> bool:
    exists = str(params.get("property_key")) in custom
    return not exists if params.get("operator") in ("not_exists", "absent") else exists


def _compare(name: str, left: object, right: object) -> bool:
    compare: Callable[[Any, Any], bool] = _COMPARE.get(name, operator.eq)
    return type(left) is type(right) and compare(left, right)


_TESTS: dict[str, Callable[[Mapping[str, Any], _Content], bool]] = {
    "text_content_params": _text_content,
    "text_rule_params": _text_rule,
    "content_count_rule_params": _content_count,
    "flood_identical_params": _identical,
    "user_identical_content_count_params": _identical,
    "user_created_within_params": _created_within,
    "user_rule_params": _created_within,
    "user_role_params": _role,
    "user_custom_property_params": _user_property,
    "content_custom_property_params": _content_property,
}
