"""Rule ``bundle``: one student to take along."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.serving.making import bundle_files

if __name__ == "__main__":
    with job() as rule:
        place, params = rule.wildcards, rule.params
        out = Path(rule.output[0]).parent
        bundle_files(params.spec, params.study, place.experiment, Path(rule.input.data[0]).parent, params.logits, out)
