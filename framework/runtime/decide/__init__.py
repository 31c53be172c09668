"""Whether a message is answered, and what the answer is made from."""
