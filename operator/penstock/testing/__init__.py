"""Twins of the ports that live in memory, for tests of ours and of others. Never used in production code.

    world = MemoryWorld()
    alice = world.access("alice")
    run = await alice.runs.create(a_run(a_workflow(a_step("greet"))))

The same contract suite (tests/contract) runs against these and against the real adapters.
"""
