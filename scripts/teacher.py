"""Rule ``teacher``: make one teacher's logits."""

from pathlib import Path

from mtbkd.job import job
from mtbkd.raw_files import check_fetched
from mtbkd.teaching import teach

if __name__ == "__main__":
    with job(check_fetched) as rule:
        data, folder = Path(rule.input.data[0]).parent, Path(rule.output.logits).parent
        teach(rule.params.spec, rule.wildcards.block, data, Path("results/downloads"), folder)
