"""Promises in the life of a bot: made, kept, taken back."""
