"""The operator's process: kopf for our own kinds, in a thread of its own. The only package that knows kopf."""
