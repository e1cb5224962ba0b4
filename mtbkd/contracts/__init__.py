"""The files that rules hand on: data and logits (artefacts), draws, and how two folders of results differ."""
