"""What `check --online` sees of moderation at the chat service: whether its settings are what a bot's rules need."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from framework.cli.finding import CheckFinding
from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.moderation.at_service import CurrentSettings, GuardedRules, SettingsPlan
    from framework.settings import Settings

PART = "moderation"
_REMEDY = "\n  `python -m framework moderation apply` shows what to set, and sets it with --yes."
_SLOWEST = 5.0


def online_findings(bot: Bot, settings: Settings) -> list[CheckFinding]:
    """A warning for all that lets messages pass unseen, or does not hold them: or one finding that all is well."""
    try:
        warnings = asyncio.run(_look(bot, settings))
    except FrameworkError as error:
        return [CheckFinding(bot.name, PART, ok=False, detail=str(error))]
    if not warnings:
        return [CheckFinding(bot.name, PART, ok=True, detail=f"{settings.base_url} is set up as the rules need it")]
    return [CheckFinding(bot.name, PART, ok=True, detail=one, warning=True) for one in warnings]


async def _look(bot: Bot, settings: Settings) -> list[str]:
    from framework.cli.moderation_apply import default_address, guarded_rules, planned
    from framework.moderation.at_service.hook import PATH, hook_of

    guards = guarded_rules([str(bot.folder)])
    address = default_address(settings)
    plan, now = await planned(guards, address)
    found = [*_lines(plan), *_too_short(guards, now)]
    hook = hook_of(now.app)
    if hook.endswith(PATH) and (why := await _trouble(hook, settings)):
        found.append(
            f"{hook} {why}. The chat service sends messages unseen then, and does not ask for a while.\n  Start the "
            "bots with FRAMEWORK_WEBHOOK, and see that the address leads there."
        )
    return found


def _lines(plan: SettingsPlan) -> list[str]:
    missing = [line + _REMEDY for change in plan.changes for line in change.lines]
    return [*(f"is not set: {line}" for line in missing), *plan.notes]


def _too_short(guards: list[GuardedRules], now: CurrentSettings) -> list[str]:
    """Rules whose model may take longer than the service waits."""
    from framework.moderation.at_service.hook import DEADLINE_MS, waits

    ours = min(DEADLINE_MS, waits(now.app) * DEADLINE_MS // 1000)
    return [
        f"{guard.place(rule)}: the model may take {wait} ms; the hook is answered after {ours} ms, and `late` decides"
        for guard in guards
        for rule in guard.rules
        if rule.when.model and (wait := int(guard.file.moderation.judge.within.total_seconds() * 1000)) > ours
    ]


async def _trouble(url: str, settings: Settings) -> str:
    """What is wrong with an endpoint that is asked about a message of nobody; "" if it answers as it has to."""
    import aiohttp

    if settings.stream_api_secret is None:
        return ""
    message = {"id": "", "text": "check --online", "type": "regular", "user": {"id": "check"}}
    body = json.dumps(
        {"message": message, "channel": {"cid": "check:online", "type": "check", "id": "online"}}
    ).encode()
    signature = hmac.new(settings.stream_api_secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Signature": signature, "X-Api-Key": settings.stream_api_key or "", "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=_SLOWEST)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            return "" if answer.ok else f"answers with HTTP {answer.status}"
    except TimeoutError:
        return f"does not answer within {_SLOWEST:.0f} s"
    except aiohttp.ClientError as error:
        return f"cannot be reached ({type(error).__name__})"
