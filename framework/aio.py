"""Structured concurrency beside asyncio's TaskGroup: work while a block runs, and races.

A TaskGroup waits for all of its tasks. These functions cancel the tasks that are not needed any more.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def background(work: Coroutine[Any, Any, T], *, name: str | None = None) -> AsyncIterator[asyncio.Task[T]]:
    """Run a coroutine while the block runs. At the end of the block it is cancelled, and its end is waited for.

    The block gets the task. What the work raised on its own is raised at the end of the block, unless the block raises.
    """
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        await cancel(task)
    if not task.cancelled():
        task.result()


async def race(*ways: Awaitable[T]) -> T:
    """Wait until one of these is done, and return what it returned. An error comes before a result: it is raised.

    Coroutines belong to the race: those that are not done are cancelled, and have ended when it returns. Tasks and
    futures belong to the caller: they go on.
    """
    tasks = [asyncio.ensure_future(way) for way in ways]
    own = [task for task, way in zip(tasks, ways, strict=True) if task is not way]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done = [task for task in tasks if task.done()]
        failed = [task for task in done if task.cancelled() or task.exception() is not None]
        return (failed or done)[0].result()
    finally:
        await cancel(*own)


async def together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """Run coroutines at the same time, and return their results in order.

    If one fails, the others are cancelled and have ended when its error is raised: as it is, not in a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what is not done, and return when all have ended. Results and errors stay in the tasks."""
    going = [task for task in tasks if not task.done()]
    for task in going:
        task.cancel()
    if going:
        await asyncio.wait(going)


async def cancel_repeatedly(*tasks: asyncio.Future[Any], every: float = 0.2, tries: int = 25) -> bool:
    """Cancel what is not done, again each `every` seconds; return whether all have ended after so many tries.

    For tasks without anything to clean up that wait in a library: `asyncio.wait_for` of Python 3.11 loses a
    cancellation that comes at the moment of the result, and a loop would then go on for ever.
    """
    going = {task for task in tasks if not task.done()}
    for _ in range(tries):
        if not going:
            break
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=every)
    return not going


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run something slow beside the event loop, in a thread that Ctrl-C need not wait for. Raise what it raises."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(setter: Callable[[Any], None], value: object) -> None:
        if not done.cancelled():
            setter(value)

    def call() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever awaits
            outcome: tuple[Callable[[Any], None], object] = (done.set_exception, error)
        else:
            outcome = (done.set_result, result)
        with suppress(RuntimeError):  # The loop was closed: nobody waits any more.
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=call, daemon=True).start()
    return await done
