"""Bans, flags, rules, and checks of what is written."""
