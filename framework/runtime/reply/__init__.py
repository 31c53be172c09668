"""How a reply is written: streamed, split, indicated, posted once."""
