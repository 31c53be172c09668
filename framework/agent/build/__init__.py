"""Builds a bot's agents, one for each way in which its channels differ."""
