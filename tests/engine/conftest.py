"""One Postgres server and one NATS server for all tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.nats import Nats
from tests.support.postgres import Postgres, unavailable


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    reason = unavailable()
    if reason is not None:
        pytest.skip(reason)
    with Postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def nats() -> Iterator[Nats]:
    with Nats.running() as server:
        yield server
