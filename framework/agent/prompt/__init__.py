"""What the model reads: messages, background, what is remembered and masked."""
