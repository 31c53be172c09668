"""Tools of MCP servers that a bot names: connections, schemas, results, and what servers do wrong."""
