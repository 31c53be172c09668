"""The command line: one module a command group. Composes the rooms; decides nothing."""
