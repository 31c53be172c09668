"""Which hooks the app has set, read from its settings: `event_hooks`, or the single URLs that came before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from framework.sandbox.kernel.app import APP

if TYPE_CHECKING:
    from framework.sandbox.kernel.store.store import RecordStore

_OWN = (
    "message.", "reaction.", "channel.", "member.", "notification.", "user.", "typing.", "poll.", "thread.", "draft.",
    "ai_indicator.", "reminder.", "flag.", "moderation.", "review_queue_item.", "campaign.", "location.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook: where to, and for which events. No `events` are all; `custom` is whether also the app's own."""

    url: str
    events: frozenset[str]
    custom: bool = True

    def wants(self, kind: str) -> bool:
        """Return whether events of a type go there."""
        if self.events:
            return kind in self.events
        return self.custom or kind.startswith(_OWN)


def _settings(store: RecordStore) -> dict[str, Any]:
    app = store[APP].get("app")
    return app.settings if app is not None else {}


def hooks(store: RecordStore) -> list[Hook]:
    """The webhooks that are switched on. SQS and SNS are not reached from here."""
    settings = _settings(store)
    if not settings:
        return []
    listed = settings.get("event_hooks")
    found = [hook for item in (listed if isinstance(listed, list) else []) if (hook := _hook(item)) is not None]
    url = settings.get("webhook_url")
    if isinstance(url, str) and url:
        found.append(Hook(url, _names(settings.get("webhook_events"))))
    return found


def _hook(item: object) -> Hook | None:
    if not isinstance(item, dict) or item.get("hook_type", "webhook") != "webhook" or item.get("enabled") is False:
        return None
    url = item.get("webhook_url")
    if not isinstance(url, str) or not url or item.get("product") not in (None, "", "all", "chat"):
        return None
    return Hook(url, _names(item.get("event_types")), item.get("should_send_custom_events") is not False)


@dataclass(frozen=True, slots=True)
class PendingHook:
    """Where pending messages are passed on, and how long one waits for a decision."""

    url: str
    timeout: timedelta | None = None


def pending_hooks(store: RecordStore) -> list[PendingHook]:
    """The hooks of pending messages that are switched on."""
    listed = _settings(store).get("event_hooks")
    items = [item for item in (listed if isinstance(listed, list) else []) if isinstance(item, dict)]
    return [_pending(item) for item in items if _is_pending(item)]


def _is_pending(item: dict[str, Any]) -> bool:
    callback = item.get("callback")
    off = isinstance(callback, dict) and callback.get("mode") == "CALLBACK_MODE_NONE"
    return item.get("hook_type") == "pending_message" and item.get("enabled") is not False and not off


def _pending(item: dict[str, Any]) -> PendingHook:
    given = item.get("timeout_ms")
    timeout = timedelta(milliseconds=given) if isinstance(given, int) and given > 0 else None
    return PendingHook(str(item.get("webhook_url")), timeout)


def _names(value: object) -> frozenset[str]:
    return frozenset(name for name in value if isinstance(name, str)) if isinstance(value, list) else frozenset()


QUESTION_MS = 1_500
"""How long the service waits for an answer before a message is sent, where the app says nothing else."""


def compresses(store: RecordStore) -> bool:
    """Return whether bodies are sent gzipped."""
    return _settings(store).get("enable_hook_payload_compression") is True


def before_send_url(store: RecordStore) -> str | None:
    """Where to ask before a message is sent."""
    return _url(store, "before_message_send_hook_url")


def question_seconds(store: RecordStore) -> float:
    """How long the one try of a question before a message is sent may take."""
    given = _settings(store).get("before_message_send_hook_attempt_timeout_ms")
    return (given if isinstance(given, int) and given else QUESTION_MS) / 1000


def command_url(store: RecordStore, command: str) -> str | None:
    """Where the app handles a custom command."""
    url = _url(store, "custom_action_handler_url")
    if url is None:
        return None
    if "{type}" in url:
        return url.replace("{type}", quote(command, safe=""))
    return f"{url}{'&' if '?' in url else '?'}type={quote(command, safe='')}"


def _url(store: RecordStore, name: str) -> str | None:
    url = _settings(store).get(name)
    return url if isinstance(url, str) and url else None
