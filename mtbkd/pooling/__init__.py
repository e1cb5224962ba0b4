"""Teachers' weights and pools: pure functions on probability arrays."""
