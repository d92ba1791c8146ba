"""Writing Penstock into the configuration of agents' clients."""
