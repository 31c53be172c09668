"""The endpoint that the chat service asks before it sends a message. It runs in a process of its own."""
