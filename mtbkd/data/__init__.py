"""Data: datasets, images, encoders, sequences, raw files, published numbers. Depends on base and contracts."""
