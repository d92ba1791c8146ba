"""The ports on a Kubernetes API server. Knows nothing of kopf, of the environment, or of local mode."""
