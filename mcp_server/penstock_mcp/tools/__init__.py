"""The tools that are always there. Each parses, calls one service, and answers."""
