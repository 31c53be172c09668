"""Threads: the replies to a message, and who takes part."""
