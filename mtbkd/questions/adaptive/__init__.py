"""Which adaptive weights keep the fifteen axioms of arXiv 2601.17910, are these independent, and what of its theorems holds?"""
