"""Execution of jobs: each accepted once, one at a time in a lane, lanes side by side."""
