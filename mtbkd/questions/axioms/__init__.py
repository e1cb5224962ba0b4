"""Which axioms does each aggregation operator satisfy?"""
