"""Lists of words that may not be written."""
