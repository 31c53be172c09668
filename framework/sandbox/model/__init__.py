"""What the sandbox stores: one module a kind, each with its record, its table and its indexes."""
