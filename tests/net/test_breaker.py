"""Circuit breakers: when they open, whom they let through, and how they close."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from pydantic import SecretStr
from structlog.testing import capture_logs

from framework.net.breaker import FAILURES, LONGEST_PAUSE, Breaker, Ticket, breakers
from framework.net.limits import Rank
from framework.stream.budget import Endpoint
from framework.stream.client import StreamClient
from framework.stream.credentials import Credentials
from framework.stream.timing import Timing


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        ticket = breaker.claim()
        assert ticket is not None
        breaker.report(ticket, up=False)


def state_of(breaker: Breaker) -> str:
    return breaker.state


def claimed(breaker: Breaker) -> Ticket:
    ticket = breaker.claim()
    assert ticket is not None
    return ticket


def events(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [entry["event"] for entry in logs]


async def test_only_failures_in_a_row_open_it(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    fail(breaker, FAILURES - 1)
    breaker.report(claimed(breaker), up=True)
    fail(breaker, FAILURES - 1)
    breaker.report(claimed(breaker), up=None)
    assert state_of(breaker) == "closed"
    with capture_logs() as logs:
        fail(breaker, 1)
    assert state_of(breaker) == "open"
    assert breaker.claim() is None
    assert events(logs) == ["breaker.opened"]


async def test_after_a_pause_one_call_finds_out_for_all(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    fail(breaker, FAILURES)
    assert 0.5 <= breaker.seconds <= 1
    waiting = [asyncio.create_task(breaker.passable()) for _ in range(20)]
    await asyncio.sleep(0.99)
    probe = claimed(breaker)
    assert (probe.probe, breaker.state, breaker.claim()) == (True, "half_open", None)
    with capture_logs() as logs:
        breaker.report(probe, up=True)
    assert (breaker.state, breaker.seconds, events(logs)) == ("closed", 0.0, ["breaker.closed"])
    await asyncio.gather(*waiting)
    fail(breaker, FAILURES - 1)
    assert breaker.state == "closed"


async def test_each_probe_that_fails_lengthens_the_pause_to_a_bound(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    fail(breaker, FAILURES)
    pauses = []
    for _ in range(10):
        pauses.append(breaker.seconds)
        await breaker.passable()
        breaker.report(claimed(breaker), up=False)
    assert pauses == sorted(pauses)
    assert pauses[1] == 2 * pauses[0]
    assert LONGEST_PAUSE / 2 < pauses[-1] <= LONGEST_PAUSE


async def test_those_who_wait_during_a_probe_go_on_waiting_if_it_fails(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    fail(breaker, FAILURES)
    await breaker.passable()
    probe = claimed(breaker)
    waiting = asyncio.create_task(breaker.passable())
    await asyncio.sleep(5)
    breaker.report(probe, up=False)
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await asyncio.sleep(2)
    assert waiting.done()


async def test_a_probe_that_was_given_up_leaves_its_place_to_the_next(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    fail(breaker, FAILURES)
    await breaker.passable()
    breaker.report(claimed(breaker), up=None)
    assert breaker.state == "open"
    assert claimed(breaker).probe


async def test_calls_from_before_the_opening_close_it_but_do_not_lengthen_the_pause(timing: Timing) -> None:
    breaker = Breaker("service", timing)
    late, good = claimed(breaker), claimed(breaker)
    fail(breaker, FAILURES)
    before = breaker.seconds
    breaker.report(late, up=False)
    assert breaker.seconds == before
    waiting = asyncio.create_task(breaker.passable())
    await asyncio.sleep(0.1)
    breaker.report(good, up=True)
    await asyncio.sleep(0)
    await asyncio.wait_for(waiting, 0.01)
    assert breaker.state == "closed"


async def test_metrics_can_read_every_breaker(timing: Timing) -> None:
    one, other = Breaker("b", timing), Breaker("a", timing)
    fail(one, FAILURES)
    known = [(breaker.name, breaker.state) for breaker in breakers() if breaker in (one, other)]
    assert known == [("a", "closed"), ("b", "open")]


async def test_a_sketch_that_waits_for_its_turn_neither_asks_nor_keeps_others_from_asking(timing: Timing) -> None:
    credentials = Credentials("key", SecretStr("secret"), "bot", now=timing.now)
    client = StreamClient(credentials, "http://127.0.0.1:1", timing)
    client.app.budget.bucket(Endpoint.UPDATE_MESSAGE, as_user=False).open()
    breaker = client.app.breaker
    fail(breaker, FAILURES)
    sketch = asyncio.create_task(client.reserve(Endpoint.UPDATE_MESSAGE, Rank.REFRESH))
    await asyncio.sleep(2)
    assert not sketch.done()
    breaker.report(claimed(breaker), up=True)
    await sketch
