"""The command line: parses, calls one application service or port, prints. It decides nothing about runs or gates."""
