"""A real sandbox for a test: a server on a free loopback port, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from framework.runtime.state.handover_book import MemoryHandovers
from framework.sandbox.dev.server import serving
from framework.sandbox.kernel.config import SandboxConfig

if TYPE_CHECKING:
    from framework.sandbox.kernel.sandbox import Sandbox

API_KEY = "test-key"
API_SECRET = "test-secret-of-thirty-two-characters-or-more"


@dataclass(frozen=True)
class RunningSandbox:
    """Where a sandbox listens, the app's credentials, the parts themselves, and what bots there keep of handovers."""

    url: str
    api_key: str
    api_secret: str
    sandbox: Sandbox
    handovers: MemoryHandovers = field(default_factory=MemoryHandovers)


@asynccontextmanager
async def start_sandbox(
    data: str = ":memory:", *, port: int = 0, rate_limits: bool = False, campaign_rate: int = 1_000
) -> AsyncIterator[RunningSandbox]:
    """A sandbox for as long as the block lasts. `data` is ":memory:" or a file; `port` 0 takes a free one."""
    config = SandboxConfig(
        port=port,
        api_key=API_KEY,
        api_secret=API_SECRET,
        data=data,
        rate_limits=rate_limits,
        campaign_rate=campaign_rate,
    )
    with _no_idling():
        async with serving(config) as running:
            yield RunningSandbox(running.url, API_KEY, API_SECRET, running.sandbox)


@contextmanager
def _no_idling() -> Iterator[None]:
    """uvicorn looks every 0.1 s whether it is to stop, and then as seldom whether all connections are closed: that is
    0.2 s and more for each of a thousand tests. Here it looks ten times as often.
    """

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield
