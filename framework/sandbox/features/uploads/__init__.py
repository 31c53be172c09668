"""Files and pictures in messages."""
