"""Which chunks answer a question: meaning and words, weighed."""
