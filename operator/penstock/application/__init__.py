"""Use cases: gather, decide, act, write once. Knows ports, never adapters."""
