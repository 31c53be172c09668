"""Users: their records, who acts, how they look, and their connections."""
