"""Finds the passages that answer a question, in any language."""
