"""What commands ask of DVC and of git, and what they do to DVC's files; no stage runs any of it."""
