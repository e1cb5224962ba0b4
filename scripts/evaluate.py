"""Rule ``evaluate``: score all methods of an experiment."""

from pathlib import Path

from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        evaluate_experiment(**rule.params.spec, out=Path(rule.output[0]).parent)
