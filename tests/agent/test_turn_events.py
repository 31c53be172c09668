"""Text travels on at once, and what comes right after it travels on together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from framework.agent.turn_events import JOIN_SECONDS, TextPiece, TurnEvents
from tests.support.virtual_time import VirtualLoop


def read_beside(write: Callable[[TurnEvents], Coroutine[Any, Any, None]]) -> list[tuple[float, object]]:
    """What is read, each with the moment at which it was."""

    async def run() -> list[tuple[float, object]]:
        events, loop = TurnEvents(), asyncio.get_running_loop()

        async def written() -> None:
            await write(events)
            events.end()

        task = asyncio.create_task(written())
        seen = [(round(loop.time(), 3), event) async for event in events.all()]
        await task
        return seen

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def test_the_first_text_is_read_at_once_and_quick_pieces_together() -> None:
    async def write(events: TurnEvents) -> None:
        await asyncio.sleep(1)
        for text in ("One ", "two ", "three ", "four "):
            events.say(text)
            await asyncio.sleep(0.008)

    assert read_beside(write) == [
        (1.0, TextPiece("One ")),
        (1.0 + JOIN_SECONDS, TextPiece("two three four ")),
    ]


def test_slow_pieces_are_read_one_by_one() -> None:
    async def write(events: TurnEvents) -> None:
        for text in ("One ", "two ", "three."):
            await asyncio.sleep(0.1)
            events.say(text)

    assert read_beside(write) == [(0.1, TextPiece("One ")), (0.2, TextPiece("two ")), (0.3, TextPiece("three."))]


def test_an_event_waits_for_nothing_and_comes_after_the_text_before_it() -> None:
    async def write(events: TurnEvents) -> None:
        for one in ("One ", "two ", {"tools": None}, "three"):
            if isinstance(one, str):
                events.say(one)
            else:
                events.put(one)
            await asyncio.sleep(0.001)

    assert [event for _, event in read_beside(write)] == [
        TextPiece("One "),
        TextPiece("two "),
        {"tools": None},
        TextPiece("three"),
    ]
    assert read_beside(write)[-1][0] < JOIN_SECONDS


def test_the_end_waits_for_nothing() -> None:
    async def write(events: TurnEvents) -> None:
        events.say("All ")
        await asyncio.sleep(0)
        events.say("of it.")

    assert read_beside(write) == [(0.0, TextPiece("All ")), (0.0, TextPiece("of it."))]


def test_text_of_a_reader_that_comes_late_is_one_piece() -> None:
    async def write(events: TurnEvents) -> None:
        for text in ("All ", "of ", "it."):
            events.say(text)

    assert read_beside(write) == [(0.0, TextPiece("All of it."))]
