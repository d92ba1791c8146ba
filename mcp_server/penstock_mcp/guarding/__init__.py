"""What every request over HTTP passes before a tool sees it, and what is counted of it."""
