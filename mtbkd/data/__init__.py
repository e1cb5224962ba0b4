"""Data: datasets, images, encoders, sequences, raw files, published numbers. Knows base and contracts."""
