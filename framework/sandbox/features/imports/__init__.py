"""Imports of users, channels and messages from files."""
