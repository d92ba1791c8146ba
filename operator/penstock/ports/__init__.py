"""What the application needs from the world, as small Protocols. No framework type crosses them."""
