"""How a person takes over, and gives the conversation back."""
