"""A sandbox with a bot's service on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from tests.support.stages import StreamStage, stream_stage


@pytest.fixture
async def stream() -> AsyncIterator[StreamStage]:
    async with stream_stage() as stage:
        yield stage


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with structlog.testing.capture_logs() as entries:
        yield entries
