"""Local mode: SQLite holds the objects, subprocesses run the steps, one driver a data directory moves the runs.

For one person on one machine. It does not sandbox: a step may do all that this person may do.
"""
