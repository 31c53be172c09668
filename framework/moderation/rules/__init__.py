"""The rules of a `moderation.yaml`: how they are written, and what they say of one message."""
