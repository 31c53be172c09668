"""A bot, a turn, a message in its context, and what starts a turn."""
