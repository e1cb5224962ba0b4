"""Used by every package, depends on none: errors, settings, the registry, files, seeds, progress, jobs, sources."""
