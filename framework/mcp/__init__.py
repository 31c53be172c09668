"""The operations of Stream for MCP clients, over stdio and streamable HTTP."""

import os

# Read when FastMCP is imported: it must not log in its own way, nor look for updates.
os.environ["FASTMCP_LOG_ENABLED"] = "false"
os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"
