"""Campaigns, and the segments of users that they reach."""
