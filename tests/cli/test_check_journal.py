"""`check --online` tells whether a power cut takes turns that are kept in NATS."""

from __future__ import annotations

import pytest

from framework.cli.check_journal import journal_findings
from framework.engine.nats.durability import Synced
from framework.settings import Settings


def _settings(journal: str | None) -> Settings:
    return Settings.model_validate({"journal": journal})


def test_nothing_is_said_without_nats() -> None:
    assert list(journal_findings(_settings(None))) == []


@pytest.mark.parametrize(
    ("synced", "warning", "said"),
    [
        ("always", False, "on the disk before it is answered"),
        ("not always", True, "sync_interval: always"),
        ("unknown", False, "Port 8222 does not answer"),
    ],
)
def test_what_the_servers_say_of_their_disks_is_told(synced: Synced, warning: bool, said: str) -> None:
    settings = _settings("nats://me:secret@one,two,three")
    (found,) = journal_findings(settings, lambda _: synced)
    assert (found.part, found.ok, found.warning) == ("nats", True, warning)
    assert said in found.detail
    assert "nats://one:4222,two:4222,three:4222, each turn on 3 servers" in found.detail
    assert "secret" not in found.detail


def test_an_address_that_is_none_is_a_finding() -> None:
    (found,) = journal_findings(_settings("nats://one:port"), lambda _: "always")
    assert not found.ok
    assert "not understood" in found.detail
