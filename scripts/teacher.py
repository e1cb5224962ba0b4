"""Rule ``teacher``: make one teacher's logits."""

from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.job import job
from mtbkd.teaching import teach

if TYPE_CHECKING:
    from snakemake.script import snakemake


if __name__ == "__main__":
    with job(snakemake.log, snakemake.threads):
        data, folder = Path(snakemake.input.data[0]).parent, Path(snakemake.output.logits).parent
        teach(snakemake.params.spec, snakemake.wildcards.block, data, Path("results/downloads"), folder)
