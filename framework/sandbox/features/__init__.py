"""What the service has beside the chat itself: one module or package a noun."""
