"""The console: pages for the team on what the bots do, and where a person decides. It decides nothing itself."""
