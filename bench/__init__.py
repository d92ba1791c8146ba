"""Measurements on the real cluster. Not a test: figures are ratios within one run on one machine."""
