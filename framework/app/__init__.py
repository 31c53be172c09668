"""Puts the rooms together: the one place where a bot gets its agents, its chat service and its stores."""
