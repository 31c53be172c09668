"""Executes operations: under a policy, with credentials, approvals and an audit log."""
