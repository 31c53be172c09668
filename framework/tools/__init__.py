"""What an agent may do besides talking: tools from a bot's tools.py, and what they are told of the turn."""
