"""Careful calls of servers: breakers, retries, and fetching addresses that strangers name."""

from framework.net.guarded import FetchError, fetch

__all__ = ["FetchError", "fetch"]
