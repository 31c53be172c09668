"""Fetching what strangers name: from public addresses alone, and never too much."""

from framework.net.guarded import Fetched, FetchError, fetch, is_public

__all__ = ["FetchError", "Fetched", "fetch", "is_public"]
