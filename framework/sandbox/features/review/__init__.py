"""What waits for moderators: the queue, decisions, and appeals."""
