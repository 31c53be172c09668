"""Everything that a running sandbox is made of, in one place for handlers and views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from framework.sandbox.auth import Authenticator
    from framework.sandbox.clock import IdGenerator, IncreasingClock
    from framework.sandbox.config import SandboxConfig
    from framework.sandbox.extras.faults import Faults
    from framework.sandbox.extras.log import CallLog
    from framework.sandbox.hooks.sender import WebhookSender
    from framework.sandbox.rate_limits import RateLimits
    from framework.sandbox.realtime.event import Audience, Event, Publisher
    from framework.sandbox.realtime.hub import Hub
    from framework.sandbox.scheduler import Scheduler
    from framework.sandbox.store.files import FileStore
    from framework.sandbox.store.store import Store


T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Part(Generic[T]):
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
    store: Store
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
    parts: dict[Part[Any], Any] = field(default_factory=dict)

    def __getitem__(self, part: Part[T]) -> T:
        """A part that a layer above added."""
        found: T = self.parts[part]
        return found

    def wanted(self, kind: str, audience: Audience) -> bool:
        """Whether an event of a type would reach anyone now: where not, it need not be made."""
        return self.hub.reaches(audience) or self.webhooks.wants(kind)

    def publish(self, event: Event) -> None:
        """Hand an event to every publisher."""
        for publisher in self.publishers:
            publisher(event)
