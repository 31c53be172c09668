"""Moderation while bots run: the endpoint's process, and what is done and looked at again after messages are sent."""
