"""Rule ``student``: fit one method on one block."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.inference.fitting import fit_files

if __name__ == "__main__":
    with job() as rule:
        data = Path(rule.input.data[0]).parent
        fit_files(rule.params.spec, rule.wildcards.block, data, rule.params.logits, rule.output[0])
