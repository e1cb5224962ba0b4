"""Rule ``relate``: what needs several methods of a large experiment at once, over some blocks."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.evaluation.together import relate

if __name__ == "__main__":
    with job() as rule:
        relate(**rule.params.spec, out=Path(rule.output[0]).parent)
