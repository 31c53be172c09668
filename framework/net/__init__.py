"""Careful calls of servers: breakers, retries, and fetching addresses that strangers name."""

from framework.net.guarded import FetchError, fetch, is_public

__all__ = ["FetchError", "fetch", "is_public"]
