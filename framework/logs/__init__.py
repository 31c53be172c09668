"""Structured logs: their form on a terminal and as JSON, and secrets struck out of them."""
