"""One file, one rule, one test file. Order and composition are in penstock.engine.decide."""
