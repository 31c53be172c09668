"""Messages that users began to write."""
