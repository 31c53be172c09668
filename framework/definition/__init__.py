"""The declaration of a bot: the model behind bot.yaml, and the loader that reads a bot's folder."""
