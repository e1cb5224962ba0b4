"""The posterior of a student: problem, density, minibatches, compiled and symbolic forms. Knows signals and students."""
