"""The sections of bot.yaml, one module each."""
