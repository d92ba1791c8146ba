"""The MCP server: every Workflow a typed tool, every gate in view, none of them in an agent's hands."""
