"""Everything that a running sandbox is made of, in one place for handlers and views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from framework.sandbox.kernel.call_log import CallLog
    from framework.sandbox.kernel.clock import IdGenerator, IncreasingClock
    from framework.sandbox.kernel.config import SandboxConfig
    from framework.sandbox.kernel.faults import Faults
    from framework.sandbox.kernel.http.auth import Authenticator
    from framework.sandbox.kernel.http.limits import RateLimits
    from framework.sandbox.kernel.realtime.event import Audience, Event, Publisher
    from framework.sandbox.kernel.realtime.hub import Hub
    from framework.sandbox.kernel.scheduler import Scheduler
    from framework.sandbox.kernel.store.files import FileStore
    from framework.sandbox.kernel.store.store import RecordStore
    from framework.sandbox.kernel.webhooks.sender import WebhookSender


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SandboxPart(Generic[T]):
    """A part that a layer above adds: `sandbox[PART]` gives it."""

    name: str


@dataclass
class Sandbox:
    """The parts.

    `keep` is told of each event before the commit, to store what `/sync` needs of it. `publishers` are told of each
    event in order, after it is durable: the hub first, then others.
    """

    config: SandboxConfig
    clock: IncreasingClock
    ids: IdGenerator
    store: RecordStore
    auth: Authenticator
    hub: Hub
    faults: Faults
    log: CallLog
    limits: RateLimits
    webhooks: WebhookSender
    files: FileStore
    scheduler: Scheduler
    keep: Publisher
    publishers: list[Publisher] = field(default_factory=list)
    parts: dict[SandboxPart[Any], Any] = field(default_factory=dict)

    def __getitem__(self, part: SandboxPart[T]) -> T:
        """Return a part that a layer above added."""
        found: T = self.parts[part]
        return found

    def wanted(self, kind: str, audience: Audience) -> bool:
        """Return whether an event of a type would reach anyone now: where not, it need not be made."""
        return self.hub.reaches(audience) or self.webhooks.wants(kind)

    def publish(self, event: Event) -> None:
        """Hand an event to every publisher."""
        for publisher in self.publishers:
            publisher(event)
