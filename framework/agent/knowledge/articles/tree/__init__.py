"""The tree of a document, and the chunks that are made of it."""
