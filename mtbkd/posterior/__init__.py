"""The posterior of a student: problem, density, minibatches, compiled and symbolic forms. Depends on signals and students."""
