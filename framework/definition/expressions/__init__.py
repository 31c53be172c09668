"""Evaluate what owners write, within bounds: patterns, conditions, templates, schedules."""
