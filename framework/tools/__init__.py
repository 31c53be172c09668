"""Tools of agents: from a bot's tools.py, the chat's operations and MCP servers, with their rules."""
