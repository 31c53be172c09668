"""The app's push providers and templates, from a file."""
