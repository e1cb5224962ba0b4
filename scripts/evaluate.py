"""Rule ``evaluate``: all tables of an experiment, from its fits or, if it is large, from its parts."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.evaluation.evaluate import evaluate_experiment, join

if __name__ == "__main__":
    with job() as rule:
        make = join if "parts" in rule.params.spec else evaluate_experiment
        make(**rule.params.spec, out=Path(rule.output[0]).parent)
