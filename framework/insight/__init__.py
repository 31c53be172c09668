"""What the bots do, for those who run them: counts for a monitoring system, and a history of turns."""
