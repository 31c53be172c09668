"""The hook before a message is sent, its deadline, and the hook of messages that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from framework.moderation.at_service.step import SettingsPlan

PATH = "/hooks/before-message-send"
PENDING_PATH = "/hooks"
"""Below it the service posts to `/PassOnPendingMessage` and `/DeletedPendingMessage`."""
DEADLINE_MS = 700
"""When the endpoint answers at the latest, if the service gives it that long."""
FEWEST_MS = 1_000
"""The service's own wait, below which the endpoint has less time than that."""
USUAL_MS = 1_500
"""What the service waits if the app says nothing."""
PENDING_MS = 3 * 24 * 3600 * 1000
_URL, _WAIT = "before_message_send_hook_url", "before_message_send_hook_attempt_timeout_ms"


def base_of(app: Mapping[str, Any], address: str) -> str:
    """Where we are reached: at this address, or without one as the app knows us; empty if it does not."""
    now = hook_of(app)
    return address.rstrip("/") or (now.removesuffix(PATH) if now.endswith(PATH) else "")


def plan_hook(plan: SettingsPlan, app: Mapping[str, Any], base: str, *, pending: bool) -> None:
    """Add what the app needs. `base` is where we are reached; without it the hook stays as it is."""
    change: dict[str, Any] = {}
    lines: list[str] = []
    now = hook_of(app)
    if base and now != base + PATH:
        change[_URL] = base + PATH
        lines.append(f"app: asks {base + PATH} before a message is sent (before: {now or 'nobody'})")
    wait = waits(app)
    if wait < FEWEST_MS:
        change[_WAIT] = USUAL_MS
        lines.append(f"app: waits {USUAL_MS} ms for the answer (before: {wait} ms)")
    if pending and base and not _passes_on(app, base + PENDING_PATH):
        hook = {"hook_type": "pending_message", "enabled": True, "webhook_url": base + PENDING_PATH}
        hook |= {"timeout_ms": PENDING_MS, "callback": {"mode": "CALLBACK_MODE_REST"}}
        change["event_hooks"] = [*(app.get("event_hooks") or ()), hook]
        lines.append(f"app: passes messages that wait on to {base + PENDING_PATH}")
    if not base:
        plan.notes.append(
            f"app: {f'asks {now}, which is not us,' if now else 'asks nobody'} before a message is sent; "
            "--url names the address where the chat service reaches FRAMEWORK_WEBHOOK"
        )
    if change:
        plan.add("UpdateApp", change, *lines)


def waits(app: Mapping[str, Any]) -> int:
    """How many milliseconds the service waits for the hook."""
    given = app.get(_WAIT)
    return given if isinstance(given, int) and given > 0 else USUAL_MS


def hook_of(app: Mapping[str, Any]) -> str:
    """The address that the service asks before a message is sent; empty if it asks nobody."""
    return str(app.get(_URL) or "")


def _passes_on(app: Mapping[str, Any], url: str) -> bool:
    hooks = [one for one in app.get("event_hooks") or () if isinstance(one, Mapping)]
    return any(
        one.get("hook_type") == "pending_message" and one.get("webhook_url") == url and one.get("enabled") is not False
        for one in hooks
    )
