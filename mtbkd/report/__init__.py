"""The page of a study and its generic figures: sections and figures are found through the registry."""
