"""What stands around the agent's calls of models and tools."""
