"""Students of several labels at once: K independent Bernoulli variables with Beta teacher-informed priors.

The two-class prior of the signals, location by location: with q the student's probability that a location applies and p the
teacher's, Dir((1 - q, q); 1 + lambda (1 - p, p)) is Beta(q; 1 + lambda p, 1 + lambda (1 - p)).
"""
