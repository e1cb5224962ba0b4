"""Rules ``prepare_<kind>``: make one block of a dataset."""

from pathlib import Path

from mtbkd.base.job import job, results_of
from mtbkd.data.preparing import prepare
from mtbkd.data.raw_files import check_fetched

if __name__ == "__main__":
    with job(check_fetched) as rule:
        prepare(rule.params.spec, rule.wildcards.block, results_of(rule) / "downloads", Path(rule.output.data).parent)
