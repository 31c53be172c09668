"""What a bot is: the model behind bot.yaml, and the loader that reads a bot's folder. Knows of nothing above it."""
