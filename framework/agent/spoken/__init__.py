"""The language that a person writes in, told from short texts."""
