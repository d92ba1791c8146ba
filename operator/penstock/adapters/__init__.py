"""The ports, put on real things: a cluster, a laptop. Each adapter knows only the ports and itself."""
