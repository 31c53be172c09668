"""What the environment says of a process at work."""

from __future__ import annotations

import pytest

from framework.app.serving import _limits
from framework.errors import SettingsError
from framework.settings import load_settings


def test_slots_and_the_time_to_drain_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (_limits(load_settings()).concurrent_turns, _limits(load_settings()).shutdown) == (1_000, 4.0)
    monkeypatch.setenv("FRAMEWORK_SLOTS", "2")
    monkeypatch.setenv("FRAMEWORK_DRAIN", "25")
    assert (_limits(load_settings()).concurrent_turns, _limits(load_settings()).shutdown) == (2, 25.0)


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_slots_that_are_no_number_of_turns_are_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_SLOTS", wrong)
    with pytest.raises(SettingsError, match="FRAMEWORK_SLOTS"):
        load_settings()
