"""Rule ``curve_references``: teachers and ceiling beside the methods of a curve."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.questions.curves.references import reference_files

if __name__ == "__main__":
    with job() as rule:
        data = Path(rule.input.data[0]).parent
        reference_files(rule.params.spec, rule.wildcards.block, data, rule.params.logits, Path(rule.output[0]))
