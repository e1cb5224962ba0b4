"""Rule ``download``: fetch one raw file."""

from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.downloads import fetch
from mtbkd.job import job

if TYPE_CHECKING:
    from snakemake.script import snakemake


if __name__ == "__main__":
    with job(snakemake.log):
        fetch([snakemake.params.key], Path(snakemake.output[0]).parents[1])
