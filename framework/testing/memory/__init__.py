"""The chat service in memory, for tests that need no server."""
