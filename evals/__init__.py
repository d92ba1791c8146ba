"""Tasks that an agent must solve with Penstock's MCP tools, and the checks of what it left behind."""
