"""Figures, measured on the machine at hand. Nothing here runs with the tests."""
