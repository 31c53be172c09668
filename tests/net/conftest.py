"""Breakers and limits wait for minutes: their tests run in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from framework.stream.timing import Timing
from tests.support.virtual_time import VirtualLoop, virtual_timing


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture
def timing() -> Timing:
    return virtual_timing()
