"""How stored things look to clients, independent of the dialect."""
