"""The engine inside the process keeps the contract, and a bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from framework.engine.local import LocalEngine
from tests.engine.contract import EngineContract, Recorder, job


class TestLocalEngine(EngineContract):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(concurrency=4)
        yield engine
        await engine.close()

    async def test_remembers_only_the_last_settled_keys(self) -> None:
        engine = LocalEngine(memory=2)
        done = Recorder()
        await engine.start(done)
        for key in "123":
            await engine.enqueue(job(key))
        await engine.settled()
        assert not await engine.enqueue(job("3"))
        assert await engine.enqueue(job("1"))
        await engine.settled()
        assert done.finished == ["1", "2", "3", "1"]
