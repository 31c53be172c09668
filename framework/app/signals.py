"""Signals, for a program that runs until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOPS = (signal.SIGINT, signal.SIGTERM)
_TERMINAL = "/dev/tty"
_LOOK_AGAIN = 0.25  # seconds: a shell that ends may tell its jobs a little before the terminal is gone


@contextlib.contextmanager
def stop_on_signals(reload: Callable[[], None] | None = None) -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set, and SIGHUP where it says that the terminal has ended: then nobody sees the
    bots any more. Otherwise SIGHUP calls `reload`; without one it is a stop too. It means nothing where somebody asked
    for it to be ignored (nohup). A second Ctrl-C ends at once: a person who presses twice means it.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    had_terminal = has_terminal()

    def on_stop(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    def on_hangup() -> None:
        if reload is None:
            on_stop(signal.SIGHUP)
        elif had_terminal:
            loop.call_later(_LOOK_AGAIN, lambda: reload() if has_terminal() else stop.set())
        else:
            reload()

    for number in STOPS:
        loop.add_signal_handler(number, on_stop, number)
    hears_hangup = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    if hears_hangup:
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
    try:
        yield stop
    finally:
        for number in (*STOPS, *([signal.SIGHUP] if hears_hangup else [])):
            loop.remove_signal_handler(number)


def has_terminal() -> bool:
    """Whether the process belongs to a terminal that is still there."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
