"""Measurements run by hand, never as timed tests. Each prints a table and writes JSON; ratios are within one run."""
