"""Rule ``score``: score the references or one method of a large experiment over some blocks."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.evaluation.scored_part import score

if __name__ == "__main__":
    with job() as rule:
        score(**rule.params.spec, out=Path(rule.output[0]).parent)
