"""Every answer of the second dialect, also to calls that nobody thought of, holds what the SDK's types require."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from framework.sandbox.dev.coverage import implemented
from tests.sandbox import test_fuzz as fuzz
from tests.sandbox.v2_contract import check_answer

pytest.importorskip("getstream", reason="the v2 SDK (getstream) is not installed")

V2 = [(operation, operation.v2) for operation in implemented() if operation.v2 is not None]
FOR_SERVERS_ONLY = frozenset({"GetApp", "QueryUsers"})
"""What a person sees less of than the SDK, which is made for servers, expects."""


@pytest.mark.parametrize("seed", range(8))
def test_answers_hold_what_the_types_of_the_sdk_require(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "ROUTES", V2)
    # A time that a client sets comes back as it was sent: one near 1970 would look like a time in another unit.
    monkeypatch.setattr(fuzz, "NUMBERS", [one for one in fuzz.NUMBERS if 0 <= one < 1000 or abs(one) > 10**16])

    async def run() -> int:
        checked = 0
        for part in range(4):
            target = fuzz.Target()
            await target.prepare()
            maker = fuzz.Maker(seed * 100 + part)
            for _ in range(100):
                operation, path, query, body, user = maker.call()
                status, raw = await target.call(operation.method, path, query, body, user)
                if status >= 300 or (user is not None and operation.id in FOR_SERVERS_ONLY):
                    continue
                checked += 1
                found = check_answer(operation.method, operation.v2 or "", orjson.loads(raw))
                assert not found, f"{operation.id} {path} {query} {body!r} as {user}: {found}"
        return checked

    assert asyncio.run(run()) > 20
