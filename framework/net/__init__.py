"""Fetching what strangers name: from public addresses alone, and never too much."""

from framework.net.guarded import FetchError, fetch, is_public

__all__ = ["FetchError", "fetch", "is_public"]
