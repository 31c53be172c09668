"""Filters of configurations that look at how fast somebody writes, and at how alike their messages are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from framework.sandbox.chat.channels.record import MEMBERSHIPS_OF
from framework.sandbox.chat.messages.record import MESSAGES_OF, Message
from framework.sandbox.chat.permissions import bans
from framework.sandbox.chat.permissions.ban_status import Ban
from framework.sandbox.features.moderation.rule_conditions import duration

if TYPE_CHECKING:
    from framework.sandbox.features.moderation.verdict import Verdict
    from framework.sandbox.kernel.call import Call

_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_MOST_COMPARED = 50
_LONGEST_COMPARED = 500
_HUNDRED = 100


Alike = Callable[[str, str, Mapping[str, Any]], bool]


def apply(call: Call, message: Message, settings: Mapping[str, Any], verdict: Verdict) -> None:
    """Let the velocity and the flood filter of a configuration add to a verdict, and ban the author as they say."""
    for rule in _velocity_rules(settings):
        if _is_fast(call, message, rule):
            _act(call, message, rule, verdict)
    flood = settings.get("flood_config")
    if isinstance(flood, Mapping) and message.text not in (flood.get("allowlist") or []):
        for name, alike in (("identical", _same), ("similar", _similar)):
            part = flood.get(name)
            if isinstance(part, Mapping) and part.get("enabled") is not False and _floods(call, message, part, alike):
                verdict.add(str(part.get("action") or "flag"))


def _velocity_rules(settings: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    part = settings.get("velocity_filter_config")
    if not isinstance(part, Mapping) or part.get("enabled") is False:
        return
    yield from (rule for rule in part.get("rules") or [] if isinstance(rule, Mapping))


def _is_fast(call: Call, message: Message, rule: Mapping[str, Any]) -> bool:
    if rule.get("url_only") is True and not _URL.search(message.text):
        return False
    for pace in ("fast", "slow"):
        threshold, seconds = rule.get(f"{pace}_spam_threshold"), rule.get(f"{pace}_spam_ttl")
        if isinstance(threshold, int) and isinstance(seconds, int) and threshold > 0 and seconds > 0:
            since = call.now - timedelta(seconds=seconds)
            earlier = _earlier(call, message, since)
            if rule.get("url_only") is True:
                earlier = [one for one in earlier if _URL.search(one.text)]
            if len(earlier) + 1 >= threshold:
                return True
    return False


def _act(call: Call, message: Message, rule: Mapping[str, Any], verdict: Verdict) -> None:
    kind = str(rule.get("action") or "flag")
    if kind not in ("ban", "ban_user"):
        verdict.add(kind)
        return
    minutes = rule.get("ban_duration")
    expires = bans.expiry(call, minutes) if isinstance(minutes, int) and minutes > 0 else None
    ban = Ban(message.user_id, "", call.now, None, "velocity filter", expires, rule.get("shadow_ban") is True)
    bans.impose(call, ban, None)
    verdict.add("remove")


def _floods(call: Call, message: Message, part: Mapping[str, Any], alike: Alike) -> bool:
    threshold = part.get("threshold")
    earlier = _earlier(call, message, call.now - duration(part.get("time_window")))[-_MOST_COMPARED:]
    same = sum(alike(one.text, message.text, part) for one in earlier)
    return same + 1 >= max(2, threshold if isinstance(threshold, int) else 2)


def _earlier(call: Call, message: Message, since: datetime) -> list[Message]:
    """What the author wrote since then, in any channel, oldest first."""
    channels = {message.cid, *(member.cid for member in call.store.index(MEMBERSHIPS_OF).of(message.user_id))}
    found: list[Message] = []
    for cid in channels:
        for one in reversed(call.store.index(MESSAGES_OF).of(cid)):
            if one.created_at < since:
                break
            if one.user_id == message.user_id and one.id != message.id:
                found.append(one)
    return sorted(found, key=lambda one: one.created_at)


def _same(left: str, right: str, _part: Mapping[str, Any]) -> bool:
    return left == right


def _similar(left: str, right: str, part: Mapping[str, Any]) -> bool:
    """Whether at most so many of a hundred signs differ."""
    distance = part.get("similarity_distance")
    allowed = distance if isinstance(distance, int) else 10
    ratio = SequenceMatcher(None, left[:_LONGEST_COMPARED], right[:_LONGEST_COMPARED]).ratio()
    return (1 - ratio) * _HUNDRED <= allowed
