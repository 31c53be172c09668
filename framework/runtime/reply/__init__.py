"""Write replies: stream them, split them, indicate them, post each once."""
