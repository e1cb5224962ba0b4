"""Rules ``prepare_<kind>``: make one block of a dataset."""

from pathlib import Path

from mtbkd.job import job
from mtbkd.preparing import prepare
from mtbkd.raw_files import check_fetched

if __name__ == "__main__":
    with job(check_fetched) as rule:
        prepare(rule.params.spec, rule.wildcards.block, Path("results/downloads"), Path(rule.output.data).parent)
