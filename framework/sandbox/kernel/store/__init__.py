"""Collections in memory, the journal, SQLite, and uploaded files."""
