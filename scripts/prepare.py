"""Rules ``prepare_<kind>``: make one block of a dataset."""

from pathlib import Path

from mtbkd.job import job
from mtbkd.preparing import prepare

if __name__ == "__main__":
    with job() as rule:
        prepare(rule.params.spec, rule.wildcards.block, Path("results/downloads"), Path(rule.output.data).parent)
