"""A Stream-compatible chat server in one process: the embedded default of `run`, and the test bed of the rest."""
