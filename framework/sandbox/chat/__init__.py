"""Users, channels and messages, and what hangs on them."""
