"""Rule ``teacher``: make one teacher's logits."""

from pathlib import Path

from mtbkd.base.job import job, own_copies, results_of
from mtbkd.data.raw_files import check_fetched
from mtbkd.teachers.teaching import teach

if __name__ == "__main__":
    with job(check_fetched) as rule:
        data, folder = Path(rule.input.data[0]).parent, Path(rule.output.logits).parent
        raw = results_of(rule) / "downloads"
        teach(rule.params.spec, rule.wildcards.block, data, raw, folder, own_copies(rule))
