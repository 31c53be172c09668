"""Keeps channels clean: what people write, and what a bot says, is judged before anybody sees it."""
