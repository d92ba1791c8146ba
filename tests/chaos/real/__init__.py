"""The same plays on a real cluster: a proxy that is faulty before the API server, and operators that are killed."""
