"""What owners write that is evaluated: patterns, conditions, templates, schedules. All of it is bounded."""
