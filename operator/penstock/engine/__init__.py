"""The pure core: from a plan, a state and facts to the next state and commands. No clock, no I/O."""
