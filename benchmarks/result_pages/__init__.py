"""What `benchmarks.kept_tables` puts on the pages: goals, tables at a glance, pictures. Nothing is measured here."""
