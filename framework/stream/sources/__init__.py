"""The ways in which events come: a WebSocket, signed webhooks, a queue."""
