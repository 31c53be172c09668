"""Tools of MCP servers: connections, schemas, results, and repairs of what servers send wrong."""
