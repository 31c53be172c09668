"""Tests of bots: conversations in YAML (`load_tests`, `play`), or in Python (`TestChannel`)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.testing.channel import TestChannel
    from framework.testing.expect import Observed
    from framework.testing.outcome import TestResult
    from framework.testing.playing import play
    from framework.testing.scenario import load_test, load_tests

__all__ = ["Observed", "TestChannel", "TestResult", "load_test", "load_tests", "play"]

if not TYPE_CHECKING:  # late, as in `framework` itself: most of it is needed for a test alone
    _MODULES = {
        "Observed": "expect",
        "TestChannel": "channel",
        "TestResult": "outcome",
        "play": "playing",
        "load_test": "scenario",
        "load_tests": "scenario",
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
