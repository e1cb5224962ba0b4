"""What a study may ask besides its experiments, one module a kind, and what a job of each depends on."""
