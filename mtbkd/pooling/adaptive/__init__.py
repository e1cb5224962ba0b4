"""Adaptive weights of teachers at token, task and context scale, as arXiv 2601.17910 (Flouro & Chadwick 2026) states them.

``evidence``: what an operator may read; ``operators``: maps from evidence to weights; ``axioms``: III.1 to III.5, III.10 to
III.14 and III.18 to III.22 as predicates; ``search``: the smallest counterexample; ``independence``: for each axiom an operator
that breaks it alone, or the axioms that imply it.
"""
