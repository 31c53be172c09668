"""Chaos: real processes, real faults, and a verdict read from the channels. `python -m tests.chaos --help`."""
