"""The working set in memory, written through to SQLite."""
