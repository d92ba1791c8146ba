"""A real single-node Kubernetes for the tests: kind where a Docker daemon answers, else one built from Go modules.

Standard library only, so that it runs before anything is installed: `python3 -m tests.cluster up` from the root of
the repository. Nothing here is imported by the product.
"""
