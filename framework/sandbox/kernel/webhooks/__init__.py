"""Calls to the app's own backend."""
