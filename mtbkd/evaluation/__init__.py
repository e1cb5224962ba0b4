"""Evaluation of students and teachers: scores, coverage, paired comparisons. Depends on inference and the packages below it."""
