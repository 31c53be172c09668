"""Approval of tool calls: which ones need it, and the calls that wait for it."""
