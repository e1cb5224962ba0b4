"""Rule ``evaluate``: score all methods of an experiment."""

from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.job import job

if TYPE_CHECKING:
    from snakemake.script import snakemake


if __name__ == "__main__":
    with job(snakemake.log, snakemake.threads):
        evaluate_experiment(**snakemake.params.spec, out=Path(snakemake.output[0]).parent)
