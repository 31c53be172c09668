"""Channels: making, finding, changing, showing and removing them."""
