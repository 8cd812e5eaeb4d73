"""How well a model works and how much it remembers: everything from per-sample results of one pass."""
