"""The page of a study and its generic figures: it finds sections and figures by the registry, and knows no question by name."""
