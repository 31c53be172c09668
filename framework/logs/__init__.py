"""What an operator sees of the framework: logs today."""
