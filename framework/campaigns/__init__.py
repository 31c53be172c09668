"""Campaigns: one message to many people, each of whom gets it at most once, at a good time, unless they said STOP."""
