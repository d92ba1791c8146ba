"""A small shop: a JSON:API over a database, with rules on write, roles by token, and a description of itself."""
