"""Rules on a definition whose values are each valid: contradictions, missing settings, unknown names."""
