"""Checking what users write against the blocklists of channel types and moderation configurations.

What needs a model at the service (toxicity, images, semantic filters) finds nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.messages.record import MESSAGES, Message
from framework.sandbox.chat.messages.view import render_html
from framework.sandbox.chat.permissions.rules import config_of
from framework.sandbox.features.blocklists import rules as blocklists
from framework.sandbox.features.moderation import hook_events, pace, reports
from framework.sandbox.features.moderation import rule_conditions as rules
from framework.sandbox.features.moderation.records import (
    AUTOMOD,
    BLOCKED,
    BYPASSES,
    MESSAGE,
    MODERATION_CONFIGS,
    Bypass,
    ModerationConfig,
)
from framework.sandbox.features.moderation.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.sandbox.chat.channels.record import Channel
    from framework.sandbox.chat.users.record import User
    from framework.sandbox.kernel.call import Call
    from framework.sandbox.kernel.sandbox import Sandbox

HELD = frozenset({"remove", "bounce_remove", "bounce", "bounce_flag"})
REPORTED = frozenset({"remove", "bounce_remove", "bounce_flag", "shadow", "mask_flag", "flag"})
NOTICE = "Message was blocked by moderation policies"


def screen(call: Call, channel: Channel, message: Message, _user: User) -> Message | None:
    """Check a composed message before it is stored. One that must not be sent becomes an error and is returned.

    A server's own messages pass, unless it sends `force_moderation`.
    """
    forced = call.flag("force_moderation", call.body)
    if (call.actor.is_server and not forced) or message.user_id in call.store[BYPASSES]:
        return None
    verdict = _verdict(call, channel, message)
    if verdict.action == "keep":
        return None
    original = message.text
    message.moderation = {"action": verdict.action, "original_text": original}
    if verdict.lists:
        message.moderation |= {"blocklist_matched": verdict.lists[0], "blocklists_matched": verdict.lists}
    if verdict.action == "shadow":
        message.shadowed = True
    if verdict.action in ("mask", "mask_flag"):
        message.text = verdict.masked
        message.html = render_html(verdict.masked)
    if verdict.action in REPORTED:
        _report(call, message, verdict, original)
    if verdict.action not in HELD:
        return None
    if verdict.action == "remove":
        if message.id not in call.store[MESSAGES]:  # a refused edit leaves the message as it was
            call.store[BLOCKED].put(message.copy())
        message.text, message.html = NOTICE, render_html(NOTICE)
    message.type = "error"
    return message


def _verdict(call: Call, channel: Channel, message: Message) -> Verdict:
    """What lists, filters and rules say together."""
    configs = _configs(call.sandbox, channel)
    found = [*_type_lists(call, channel), *_config_lists(configs)]
    verdict = judge(call.sandbox, message.text, found, channel.team)
    for config in configs:
        rules.run_built(call, message, config, channel.team, verdict)
        pace.apply(call, message, config.settings, verdict)
    rules.apply(call, channel, message, verdict)
    return verdict


def judge(sandbox: Sandbox, text: str, named: Iterable[tuple[str, str]], team: str | None) -> Verdict:
    """What lists, given as (name, action), find in a text."""
    verdict, masked = Verdict(masked=text), text
    for name, action in named:
        blocklist = blocklists.find(sandbox, name, team)
        spans = blocklists.spans(blocklist, text) if blocklist is not None else []
        if spans:
            verdict.add(action)
            verdict.lists.append(name)
            masked = blocklists.mask(masked, spans)
    verdict.masked = masked
    return verdict


def config_for(sandbox: Sandbox, key: str, team: str | None) -> ModerationConfig | None:
    """Return a configuration by key: the team's first."""
    configs = sandbox.store[MODERATION_CONFIGS]
    return configs.get(f"{team or ''}/{key}") or configs.get(f"/{key}")


def lists_of(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """The lists that a configuration's settings name, with their actions."""
    part = settings.get("block_list_config")
    if not isinstance(part, dict) or part.get("enabled") is False:
        return []
    rules_given = [rule for rule in part.get("rules") or [] if isinstance(rule, dict)]
    return [(str(rule.get("name")), str(rule.get("action"))) for rule in rules_given]


def _type_lists(call: Call, channel: Channel) -> list[tuple[str, str]]:
    config = config_of(call.sandbox, channel)
    one = {"blocklist": config.get("blocklist"), "behavior": config.get("blocklist_behavior")}
    options = [option for option in (one, *(config.get("blocklists") or [])) if isinstance(option, dict)]
    return [(str(item["blocklist"]), str(item.get("behavior") or "flag")) for item in options if item.get("blocklist")]


def _configs(sandbox: Sandbox, channel: Channel) -> list[ModerationConfig]:
    """The one configuration that holds for a channel: its own, its type's, or that of all chat."""
    if not len(sandbox.store[MODERATION_CONFIGS]):
        return []
    for key in (f"chat:{channel.cid}", f"chat:{channel.type}", "chat"):
        config = config_for(sandbox, key, channel.team)
        if config is not None:
            return [config]
    return []


def _config_lists(configs: list[ModerationConfig]) -> list[tuple[str, str]]:
    return [named for config in configs for named in lists_of(config.settings)]


def _report(call: Call, message: Message, verdict: Verdict, original: str) -> None:
    if any(one.user_id == AUTOMOD for one in reports.flags_to(call, MESSAGE, message.id)):
        return  # an earlier text of it stands in the queue
    reason = f"blocklist {verdict.lists[0]}" if verdict.lists else "moderation rule"
    flag = reports.flag_by_automod(call, message, verdict.lists, reason, original)
    item = reports.item_for(call, flag.entity_type, flag.entity_id, message.user_id)
    item.recommended_action = "flag" if verdict.action in ("flag", "mask_flag", "bounce_flag") else verdict.action
    item.payload = {"texts": [original]}
    item.cid = flag.cid = message.cid
    hook_events.checked(call, item.entity_type, item.entity_id, item.recommended_action, item.id)


def set_bypass(call: Call, user_id: str, *, enabled: bool) -> None:
    """Let a user's content pass unchecked, or check it again."""
    if enabled:
        call.store[BYPASSES].put(Bypass(user_id, call.now))
    else:
        call.store[BYPASSES].remove(user_id)
