"""The chat service: credentials, clock, bot users, hooks, channel types."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from framework.app.doctor.channels import membership_finding, type_findings
from framework.app.doctor.finding import HealthFinding, doubtful, ok, wrong
from framework.errors import ChatServiceError, FrameworkError

if TYPE_CHECKING:
    from framework.definition.model import Bot
    from framework.settings import Settings
    from framework.stream.app_settings import AppFacts, AppReader

HOOK_PATH = "/hooks/before-message-send"
LEAST_WAIT = 1_000
"""Milliseconds that the chat service should wait for an answer before it sends a message."""
MOST_SKEW = timedelta(seconds=10)
NEEDED = (
    "message.new",
    "message.updated",
    "message.deleted",
    "reaction.new",
    "reaction.deleted",
    "member.added",
    "member.removed",
    "ai_indicator.stop",
    "channel.deleted",
)
"""Events that bots act on, which a hook that names its events must name."""


async def chat_findings(settings: Settings, bots: Sequence[Bot]) -> AsyncIterator[HealthFinding]:
    """Look at the app. Changes nothing."""
    from framework.settings import require_stream_in_production
    from framework.stream.app_settings import AppReader

    try:
        require_stream_in_production(settings)
    except FrameworkError as error:
        yield wrong("credentials", error.what, error.hint or "")
        return
    if not settings.has_stream:
        yield ok("credentials", "none: the embedded sandbox is the chat")
        return
    async with AppReader(settings) as reader:
        try:
            found = await reader.settings()
        except ChatServiceError as error:
            yield wrong("credentials", error.what, error.hint or "Look at the network, and at STREAM_BASE_URL.")
            return
        yield ok("credentials", f"{settings.base_url} accepts key and secret, in {found.seconds:.2f} s")
        yield _clock(found.time)
        async for finding in _users(reader, bots):
            yield finding
    for finding in (*_hooks(found, settings), *type_findings(found, bots), *_guard(found, bots)):
        yield finding


def _clock(told: datetime | None) -> HealthFinding:
    if told is None:
        return doubtful("clock", "the service did not tell its time")
    skew = datetime.now(UTC) - told
    seconds = round(skew.total_seconds())
    if abs(skew) > MOST_SKEW:
        way = "ahead of" if seconds > 0 else "behind"
        return wrong(
            "clock",
            f"this machine is {abs(seconds)} s {way} the chat service",
            "Set the clock by NTP: `timedatectl set-ntp true`.",
        )
    return ok("clock", f"within {max(1, abs(seconds))} s of the chat service's")


async def _users(reader: AppReader, bots: Sequence[Bot]) -> AsyncIterator[HealthFinding]:
    ids = [bot.definition.identity.user_id for bot in bots]
    try:
        known = await reader.users(ids) if ids else {}
    except ChatServiceError as error:
        yield wrong("bot users", error.what, error.hint or "")
        return
    for id_ in ids:
        yield _user(id_, known.get(id_))
    there = [bot for bot in bots if bot.definition.identity.user_id in known]
    for finding in await asyncio.gather(*(membership_finding(reader, bot) for bot in there)):
        yield finding


def _user(id_: str, user: Mapping[str, Any] | None) -> HealthFinding:
    part = f"user {id_}"
    if user is None:
        return ok(part, "is made at the first start")
    if user.get("deactivated_at") or user.get("deleted_at"):
        return wrong(part, "is deactivated", f"Reactivate it on Stream's dashboard (ReactivateUser {id_}).")
    if user.get("banned"):
        return wrong(part, "is banned, so nobody sees what it writes", f"Lift the ban of {id_} (Unban).")
    return ok(part, f"exists, with the role {user.get('role', 'user')}")


def _hooks(found: AppFacts, settings: Settings) -> Iterator[HealthFinding]:
    hooks = [hook for hook in found.app.get("event_hooks", []) if hook.get("hook_type") in {"webhook", "sqs"}]
    if not settings.by_webhook:
        yield ok("event hooks", "not needed: events come by WebSocket")
        return
    kind = "sqs" if settings.sqs_queue_url else "webhook"
    mine = [hook for hook in hooks if hook.get("hook_type") == kind and _leads_here(hook, settings)]
    if not mine:
        where = settings.sqs_queue_url or f"https://YOUR-HOST{settings.webhook_path}"
        judged, told = (doubtful, "; events come by WebSocket") if settings.by_websocket else (wrong, "")
        what = f"none leads to this process ({kind}){told}"
        yield judged("event hooks", what, f"Add one to {where} in the app's settings.")
    for hook in mine:
        yield _hook(hook)


def _leads_here(hook: Mapping[str, Any], settings: Settings) -> bool:
    if settings.sqs_queue_url:
        return str(hook.get("sqs_queue_url", "")) == settings.sqs_queue_url
    return str(hook.get("webhook_url", "")).split("?")[0].rstrip("/").endswith(settings.webhook_path.rstrip("/"))


def _hook(hook: Mapping[str, Any]) -> HealthFinding:
    address = str(hook.get("webhook_url") or hook.get("sqs_queue_url"))
    if hook.get("enabled") is False:
        return wrong("event hooks", f"the hook to {address} is switched off", "Set its `enabled` to true.")
    named = hook.get("event_types") or []
    missing = [event for event in NEEDED if named and event not in named]
    if missing:
        told = ", ".join(missing)
        return wrong("event hooks", f"the hook to {address} leaves out {told}", "Add them, or name no event: all come.")
    return ok("event hooks", f"{address} gets what the bots need")


def _guard(found: AppFacts, bots: Sequence[Bot]) -> Iterator[HealthFinding]:
    part, remedy = "moderation hook", "Set it by `python -m framework moderation apply`."
    guards = [bot.name for bot in bots if (bot.folder / "moderation.yaml").is_file()]
    address = str(found.app.get("before_message_send_hook_url") or "")
    if not guards:
        if bots and address.endswith(HOOK_PATH):
            hint = "Take it away, or start the bot whose moderation.yaml answers it."
            yield doubtful(part, f"{address} is asked before a message is sent, and no bot here guards", hint)
        return
    names = ", ".join(guards)
    if not address:
        yield wrong(part, f"{names} cannot refuse a message: the app asks nobody before it sends one", remedy)
    elif not address.split("?", maxsplit=1)[0].endswith(HOOK_PATH):
        yield wrong(part, f"{names} cannot refuse a message: the app asks {address}, which is not ours", remedy)
    else:
        timeout = found.app.get("before_message_send_hook_attempt_timeout_ms") or 1_500
        if timeout < LEAST_WAIT:
            told = f"the app waits {timeout} ms for an answer: what takes longer is sent unseen"
            yield doubtful(part, told, f"Let it wait {LEAST_WAIT} ms or more. {remedy}")
        else:
            yield ok(part, f"{address} is asked before a message is sent, for at most {timeout} ms")
