"""How often each operation may be called: counted by platform, in windows of a minute with a cap for each second."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.sandbox.kernel.errors import ApiError

if TYPE_CHECKING:
    from framework.sandbox.kernel.clock import Clock
    from framework.sandbox.kernel.protocol import Actor

WINDOW_S = 60
BURST = 30
"""A second may take the minute's limit divided by this."""
USER_LIMIT = 60
"""Calls a minute of one user to one operation, by platform; server tokens are exempt."""
DEFAULT = 1_000
_LIMITS: dict[int, tuple[str, ...]] = {
    10_000: ("Connect", "GetApp", "GetOrCreateChannel", "GetOrCreateDistinctChannel", "MarkChannelsRead", "MarkRead",
             "QueryChannels", "SendEvent"),
    300: ("Ban", "CreateDevice", "Flag", "HideChannel", "Mute", "MuteChannel", "QueryMembers", "Search", "ShowChannel",
          "Unban", "Unflag", "Unmute", "UnmuteChannel", "UpdateChannel", "UpdateChannelPartial", "UpdateUsers",
          "UpdateUsersPartial", "Check", "SubmitAction", "QueryReviewQueue"),
    60: ("CheckPush", "CreateChannelType", "DeactivateUser", "DeactivateUsers", "DeleteChannel", "DeleteChannels",
         "DeleteChannelFile", "DeleteChannelImage", "DeleteChannelType", "DeleteDevice", "DeleteFile", "DeleteImage",
         "DeleteUsers", "DeleteUser", "ExportChannels", "ExportUser", "ExportUsers", "GetChannelType",
         "ListChannelTypes", "ListDevices", "ReactivateUser", "ReactivateUsers", "TruncateChannel", "UpdateApp",
         "UpdateChannelType"),
}  # fmt: skip
_BY_OPERATION = {operation: limit for limit, operations in _LIMITS.items() for operation in operations}
_PLATFORMS = (("android", "android"), ("ios", "ios"), ("swift", "ios"), ("flutter", "android"), ("js", "web"),
              ("javascript", "web"), ("react", "web"))  # fmt: skip
SERVER_SIDE = "server-side"
PLATFORMS = (SERVER_SIDE, "android", "ios", "web")


def limit_of(operation: str) -> int:
    """Calls a minute that an app may make to an operation, by platform."""
    return _BY_OPERATION.get(operation, DEFAULT)


def platform_of(actor: Actor, client: str | None) -> str:
    """The platform that a call counts for: server tokens are one, people's clients go by what they say they are."""
    if actor.is_server:
        return SERVER_SIDE
    name = (client or "").lower()
    return next((platform for part, platform in _PLATFORMS if part in name), "web")


@dataclass(frozen=True, slots=True)
class Quota:
    """The calls left of a limit. `reset` is the time when it is whole again, in Unix seconds."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As every answer carries it."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset),
        ]


@dataclass(slots=True)
class _Window:
    minute: int = -1
    second: int = -1
    used: int = 0
    in_second: int = 0


@dataclass
class RateLimits:
    """Counts calls; refuses those over a limit where `enforced`. Not enforced, a quota always shows as whole."""

    clock: Clock
    enforced: bool
    _windows: dict[tuple[str, str, str | None], _Window] = field(default_factory=dict)
    _minute: int = -1

    def take(self, operation: str, actor: Actor, client: str | None) -> Quota:
        """Count a call and tell what is left. Raises ApiError 429, code 9, beyond a limit."""
        now = self.clock.now().timestamp()
        if not self.enforced:
            return self._quota(limit_of(operation), 0, now)
        self._forget_past(int(now // WINDOW_S))
        platform = platform_of(actor, client)
        quota = self._count(operation, (operation, platform, None), limit_of(operation), now, burst=True)
        if actor.user_id is not None:
            own = self._count(operation, (operation, platform, actor.user_id), USER_LIMIT, now, burst=False)
            quota = min(quota, own, key=lambda one: one.remaining)
        return quota

    def quota(self, operation: str, platform: str) -> Quota:
        """What is left of an app's limit, without a call."""
        now = self.clock.now().timestamp()
        window = self._windows.get((operation, platform, None))
        used = window.used if window is not None and window.minute == int(now // WINDOW_S) else 0
        return self._quota(limit_of(operation), used, now)

    def _count(self, operation: str, key: tuple[str, str, str | None], limit: int, now: float, *, burst: bool) -> Quota:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window()
        minute, second = int(now // WINDOW_S), int(now)
        if window.minute != minute:
            window.minute, window.used = minute, 0
        if window.second != second:
            window.second, window.in_second = second, 0
        cap = max(1, limit // BURST)
        if window.used >= limit:
            raise _exceeded(operation, limit, "minute", self._quota(limit, window.used, now), now)
        if burst and window.in_second >= cap:
            raise _exceeded(operation, cap, "second", Quota(limit, 0, second + 1), now)
        window.used += 1
        window.in_second += 1
        return self._quota(limit, window.used, now)

    def _quota(self, limit: int, used: int, now: float) -> Quota:
        return Quota(limit, max(0, limit - used), (int(now // WINDOW_S) + 1) * WINDOW_S)

    def _forget_past(self, minute: int) -> None:
        """Drop the counts of past minutes: users come and go."""
        if minute != self._minute:
            self._minute = minute
            self._windows.clear()


def _exceeded(operation: str, limit: int, span: str, quota: Quota, now: float) -> ApiError:
    error = ApiError(429, 9, f"Too many requests: {operation} may be called {limit} times a {span}")
    error.headers = {name.decode(): value.decode() for name, value in quota.headers()}
    error.headers["retry-after"] = str(max(1, math.ceil(quota.reset - now)))
    return error
