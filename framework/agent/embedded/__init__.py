"""The answering model that needs no key: it quotes the articles."""
