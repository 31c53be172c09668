"""Messages: checking, sending, changing, showing and deleting them."""
