"""What goes out over WebSockets: events, who gets them, and the connections."""
