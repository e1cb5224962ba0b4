"""Rule ``student``: fit one method on one block."""

from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.fitting import fit_files
from mtbkd.job import job

if TYPE_CHECKING:
    from snakemake.script import snakemake


if __name__ == "__main__":
    with job(snakemake.log, snakemake.threads):
        data = Path(snakemake.input.data[0]).parent
        fit_files(snakemake.params.spec, snakemake.wildcards.block, data, snakemake.params.logits, snakemake.output[0])
