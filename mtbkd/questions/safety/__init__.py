"""Safety-constrained distillation: a student whose mean probability of a class set stays below a limit, and what it costs."""
