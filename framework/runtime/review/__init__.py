"""What waits for the team's word: drafts and tool calls."""
