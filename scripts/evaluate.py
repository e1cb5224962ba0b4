"""Rule ``evaluate``: score all methods of an experiment."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.evaluation.evaluate import evaluate_experiment

if __name__ == "__main__":
    with job() as rule:
        evaluate_experiment(**rule.params.spec, out=Path(rule.output[0]).parent)
