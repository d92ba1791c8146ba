"""The commands. Each parses, calls one application service or port, prints; what is slow to import comes in late."""
