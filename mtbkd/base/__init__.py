"""What every room uses and what knows no other: errors, settings, the registry, files, seeds, progress, jobs, sources."""
