"""Markdown with its dialects, reStructuredText and AsciiDoc."""
