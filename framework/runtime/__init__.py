"""From an event to a reply: the turn pipeline, streaming, catching up, and the life of a process that runs bots."""
