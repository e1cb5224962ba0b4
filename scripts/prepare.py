"""Rules ``prepare_<kind>``: make one block of a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.job import job
from mtbkd.preparing import prepare

if TYPE_CHECKING:
    from snakemake.script import snakemake


if __name__ == "__main__":
    with job(snakemake.log, snakemake.threads):
        prepare(snakemake.params.spec, snakemake.wildcards.block, Path("results/downloads"), Path(snakemake.output.data).parent)
