"""Which calls of tools a person approves first, and what was asked and decided."""
