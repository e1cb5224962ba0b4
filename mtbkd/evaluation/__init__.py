"""How good students and teachers are: scores, coverage, paired comparisons. Knows inference and what lies below it."""
