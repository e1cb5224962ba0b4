"""Rule ``curve``: one method at every number of labels."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.questions.curves.fitting import curve_files

if __name__ == "__main__":
    with job() as rule:
        data, out = Path(rule.input.data[0]).parent, Path(rule.output[0]).parent
        curve_files(rule.params.spec, rule.wildcards.block, data, rule.params.logits, out)
