"""What the service does not have: development tokens, faults on demand, the call log. All under `/sandbox/`."""
