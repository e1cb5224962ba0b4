"""What config.yaml may ask: models, checks, plans. Knows every room that computes, and no question."""
