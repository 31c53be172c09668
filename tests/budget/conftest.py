"""The Postgres server of these tests."""

from tests.engine.conftest import postgres

__all__ = ["postgres"]
