"""File formats passed between rules: data and logits (artefacts), draws, and the comparison of results folders."""
