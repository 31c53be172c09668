"""Memberships of channels."""
