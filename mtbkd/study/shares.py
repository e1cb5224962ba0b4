"""How the evaluation of an experiment is divided into jobs; a job costs three seconds before it begins.

A cell is a replicate of a method; it takes about 0.04 s of a processor, and as many times more as it has tens of thousands of
test examples.
"""

from mtbkd.base.blocks import block_range
from mtbkd.study.planned import ExperimentPlan

ONE_JOB = 1_000  # cells up to which one job does all
EXAMPLES = 10_000
REPLICATES = 500  # of a method, about as many a job
REFERENCES, TOGETHER = "_references", "_together"  # beside the names of methods, which begin with a letter


def weight(experiment: ExperimentPlan) -> float:
    """How many times as long as a small one a cell takes; 1 where files decide how many test examples there are."""
    return max(1.0, sum(experiment.data.settings.get(name) or 0 for name in ("n_test", "n_fresh")) / EXAMPLES)


def groups(experiment: ExperimentPlan) -> dict[str, tuple[str, ...]]:
    """Name -> blocks of replicates that jobs take together, named like a block; {} where one job evaluates the experiment."""
    if experiment.replicates * len(experiment.methods) * weight(experiment) <= ONE_JOB:
        return {}
    size = len(block_range(experiment.blocks[0]))
    together = max(1, int(REPLICATES / weight(experiment) / size))
    found = [experiment.blocks[i : i + together] for i in range(0, len(experiment.blocks), together)]
    return {f"r{block_range(each[0])[0]}-{block_range(each[-1])[-1]}": each for each in found}
