"""Conversation tests: YAML turns through the production pipeline, on a sandbox in memory, in virtual time."""
