"""What the bot knows to be its own: ids, its messages, handovers, feedback."""
