"""The server, and what only the sandbox has."""
