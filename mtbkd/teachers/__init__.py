"""Teachers: one module a family, each giving logits on a dataset (``artefacts.Logits``)."""
