"""Structured logs: their form on a terminal and as JSON, and secrets and personal data struck out of them."""
