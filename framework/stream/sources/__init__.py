"""Where events come from: the WebSocket, signed webhooks, a queue."""
