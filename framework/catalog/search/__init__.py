"""Finds the operations that an intent in plain words means."""
