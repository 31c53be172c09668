"""The app's settings, and what it is asked and told by hooks."""
