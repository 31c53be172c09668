"""Deactivating, deleting, restoring and exporting users."""
