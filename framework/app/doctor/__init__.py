"""A look at a whole set-up: machine, chat service, engine. Each thing that is wrong comes with its remedy."""
