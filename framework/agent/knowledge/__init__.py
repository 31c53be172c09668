"""A bot's knowledge: articles cut into passages, searched by meaning and by words, with a sense of what it lacks."""
