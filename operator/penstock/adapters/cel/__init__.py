"""CEL: expressions of Workflows, evaluated on values that nobody vouches for, within bounds of time and size."""
