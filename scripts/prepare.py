"""Rules ``prepare_<kind>``: make one block of a dataset."""

from pathlib import Path

from mtbkd.base.job import job, own_copies, results_of
from mtbkd.data.preparing import prepare
from mtbkd.data.raw_files import check_fetched

if __name__ == "__main__":
    with job(check_fetched) as rule:
        raw, folder = results_of(rule) / "downloads", Path(rule.output.data).parent
        prepare(rule.params.spec, rule.wildcards.block, raw, folder, own_copies(rule))
