"""Calls to the app's own backend: webhooks, the question before a message is sent, custom commands."""
