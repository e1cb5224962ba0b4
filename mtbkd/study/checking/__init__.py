"""Cross-checks of a configuration, one module a subject."""
