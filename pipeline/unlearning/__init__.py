"""Unlearning methods, one file each; see `base` for what a file holds."""
