"""Bytes that come quickly are read in batches; a silence ends the reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from framework.agent.models.pacing import BATCH_SECONDS, Pacing
from framework.stream.timing import Timing
from tests.support.virtual_time import VirtualLoop


def batches(pauses: Sequence[float], *, flows: bool = True, seconds: float = 10, heard: bool = True) -> list[float]:
    """The moments at which pieces are read that come after these pauses."""

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        pacing = Pacing(Timing(monotonic=loop.time), seconds)
        arrives = [sum(pauses[: n + 1]) for n in range(len(pauses))]

        async def pieces() -> AsyncIterator[bytes]:
            while arrives:
                await asyncio.sleep(max(0.0, arrives[0] - loop.time()))
                came = [moment for moment in arrives if moment <= loop.time() + 1e-9]
                del arrives[: len(came)]
                yield b"x" * len(came)

        seen = []
        async for _ in pacing.batches(pieces(), lambda: flows):
            seen.append(round(loop.time(), 3))
            if heard:
                pacing.heard()
        return seen

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def test_a_quick_stream_is_read_a_batch_at_a_time() -> None:
    moments = batches([0.005] * 100)
    assert moments[0] == 0.005
    assert len(moments) <= 0.5 / BATCH_SECONDS + 3
    assert moments[-1] <= 0.5 + BATCH_SECONDS


def test_a_slow_stream_is_read_as_it_comes() -> None:
    assert batches([0.1, 0.1, 0.1]) == [0.1, 0.2, 0.3]


def test_nothing_waits_before_the_answer_begins_or_after_its_end() -> None:
    assert batches([0.005] * 4, flows=False) == [0.005, 0.01, 0.015, 0.02]


def test_a_silence_ends_the_reading() -> None:
    with pytest.raises(TimeoutError):
        batches([1, 11], seconds=10)


def test_what_is_no_part_of_the_answer_does_not_prolong_it() -> None:
    with pytest.raises(TimeoutError):
        batches([4, 4, 4], seconds=10, heard=False)
    assert batches([4, 4, 4], seconds=10) == [4, 8, 12]
