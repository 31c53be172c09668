"""The operations of Stream for MCP clients, over stdio and streamable HTTP."""
