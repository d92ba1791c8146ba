"""What people see: pure functions from objects to text. No I/O, no clock, no colour codes."""
