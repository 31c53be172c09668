"""The people behind a bot: who they are, their channels, and their words."""
