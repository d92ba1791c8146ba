"""Penstock: workflows as Kubernetes Jobs, with gates that only people can open."""

__version__ = "0.1.0"
