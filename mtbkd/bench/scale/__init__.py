"""Time and memory of large studies: plan, evaluation, figures and report of studies with made fits; ``scripts/scale.py``."""
